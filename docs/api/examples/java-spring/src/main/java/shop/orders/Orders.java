package shop.orders;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.springframework.amqp.core.Message;
import org.springframework.amqp.core.MessageBuilder;
import org.springframework.amqp.core.MessageDeliveryMode;
import org.springframework.amqp.rabbit.connection.CorrelationData;
import org.springframework.amqp.rabbit.core.RabbitTemplate;
import org.springframework.stereotype.Component;

/** Tells the MES what happens in the shop. Call it from your outbox: send again until it returns. */
@Component
public class Orders {
    private static final String EXCHANGE = "mes.commands";

    private final RabbitTemplate rabbit;
    private final ObjectMapper json;

    public Orders(RabbitTemplate rabbit, ObjectMapper json) {
        this.rabbit = rabbit;
        this.json = json;
    }

    /** Returns when the broker has the message in a queue; throws when it is not known to be there. */
    public void submitted(String messageId, Instant when, OrderSubmitted order) throws Exception {
        var event = CloudEvent.of(messageId, OrderSubmitted.TYPE, order.shopOrderId(), when, order);
        var correlation = new CorrelationData(messageId);
        rabbit.send(EXCHANGE, OrderSubmitted.ROUTING_KEY, message(event), correlation);
        var confirm = correlation.getFuture().get(10, TimeUnit.SECONDS);
        if (!confirm.isAck() || correlation.getReturned() != null) {
            throw new IllegalStateException("message " + messageId + " reached no queue");
        }
    }

    Message message(CloudEvent<?> event) throws JsonProcessingException {
        return MessageBuilder.withBody(json.writeValueAsBytes(event))
                .setContentType(CloudEvent.CONTENT_TYPE)
                .setMessageId(event.id())
                .setDeliveryMode(MessageDeliveryMode.PERSISTENT)
                .build();
    }
}
