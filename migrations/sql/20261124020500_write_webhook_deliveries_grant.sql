-- What a partner's list shows to be missing is put into the queue of its webhooks by the write API.
GRANT INSERT ON write.webhook_deliveries TO mes_write;
