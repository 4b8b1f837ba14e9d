#!/usr/bin/env python3
"""The shop submits an order: "make order" was pressed.

    pip install pika
    python3 submit_order.py --url amqp://user:password@localhost:5672/%2f \
        --shop-order-id S-4711 --model-id <sha-256 of the uploaded file>

The model was uploaded before: POST /v1/models of the write API answers its id.
With --print the message is shown and not sent.
"""
import argparse
import datetime
import json
import uuid

EXCHANGE = "mes.commands"
TYPE = "ru.mes.shop.order.submitted.v1"
ROUTING_KEY = "shop.order.submitted"  # the type without "ru.mes." and ".v1"
CONTENT_TYPE = "application/cloudevents+json"


def order_submitted(message_id, shop_order_id, model_id):
    """The message. Keep its id in your outbox: whoever sends it again, sends the same id."""
    return {
        "specversion": "1.0",
        "id": message_id,
        "source": "/shop",
        "type": TYPE,
        "subject": shop_order_id,
        "time": datetime.datetime.now(datetime.timezone.utc).isoformat(),
        "datacontenttype": "application/json",
        "data": {
            "shop_order_id": shop_order_id,
            "model_id": model_id,
            "unit": "millimetre",
            "material": "silver-925",
            "finish": "polished",
            "quantity": 1,
        },
    }


def publish(url, message):
    import pika

    connection = pika.BlockingConnection(pika.URLParameters(url))
    try:
        channel = connection.channel()
        # From here on basic_publish waits for the broker's confirm, and raises
        # UnroutableError or NackError when the message did not reach a queue.
        channel.confirm_delivery()
        channel.basic_publish(
            exchange=EXCHANGE,
            routing_key=ROUTING_KEY,
            body=json.dumps(message).encode(),
            mandatory=True,
            properties=pika.BasicProperties(
                content_type=CONTENT_TYPE,
                delivery_mode=2,  # survives a restart of the broker
                message_id=message["id"],
            ),
        )
    finally:
        connection.close()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--url", default="amqp://guest:guest@localhost:5672/%2f")
    parser.add_argument("--shop-order-id", required=True)
    parser.add_argument("--model-id", required=True)
    parser.add_argument("--message-id", default=str(uuid.uuid4()))
    parser.add_argument("--print", action="store_true", help="show the message, send nothing")
    arguments = parser.parse_args()
    message = order_submitted(arguments.message_id, arguments.shop_order_id, arguments.model_id)
    if arguments.print:
        print(json.dumps(message, indent=2))
    else:
        publish(arguments.url, message)
        print(f"sent {message['id']}")


if __name__ == "__main__":
    main()
