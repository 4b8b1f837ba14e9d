package shop.orders;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.rabbit.annotation.RabbitListener;
import org.springframework.stereotype.Component;

/** Hears what became of the shop's orders. The container acknowledges when the method returns. */
@Component
public class OrderNews {
    private static final Logger LOG = LoggerFactory.getLogger(OrderNews.class);

    private final ObjectMapper json;
    /** In earnest a column of your orders, changed in the transaction that acts on the message. */
    private final Map<String, Long> versions = new ConcurrentHashMap<>();

    public OrderNews(ObjectMapper json) {
        this.json = json;
    }

    @RabbitListener(queues = "mes.to.shop")
    public void hear(Message message) throws IOException {
        JsonNode event = json.readTree(message.getBody());
        JsonNode data = event.get("data");
        if (!event.get("type").asText().startsWith("ru.mes.order.")) {
            return; // What became of your quotes (ru.mes.quote.…) has numbers of its own.
        }
        if (isNew(data.get("order_id").asText(), data.get("version").asLong())) {
            LOG.info("{} is {} ({})", data.get("external_id").asText(),
                    data.get("status").asText(), event.get("type").asText());
        }
    }

    /** A message may come twice; a version that was seen, or an older one, says nothing new. */
    boolean isNew(String orderId, long version) {
        Long before = versions.put(orderId, Math.max(version, versions.getOrDefault(orderId, 0L)));
        return before == null || before < version;
    }
}
