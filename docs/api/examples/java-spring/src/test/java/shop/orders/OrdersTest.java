package shop.orders;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.time.Instant;
import org.junit.jupiter.api.Test;

class OrdersTest {
    private final ObjectMapper json = new ObjectMapper()
            .registerModule(new JavaTimeModule())
            .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS);

    /** The same file is checked against the contract on the side of the MES. */
    @Test
    void theMessageIsTheOneOfTheContract() throws Exception {
        var order = new OrderSubmitted(
                "S-4711",
                "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
                "millimetre", "silver-925", "polished", 1);
        var event = CloudEvent.of(
                "6f1c0a52-3b0e-4a53-9a0c-2f3f5f0d4711", OrderSubmitted.TYPE, order.shopOrderId(),
                Instant.parse("2026-11-22T10:15:30Z"), order);
        var message = new Orders(null, json).message(event);
        var expected = json.readTree(getClass().getResourceAsStream("/order-submitted.json"));
        assertEquals(expected, json.readTree(message.getBody()));
        assertEquals("application/cloudevents+json", message.getMessageProperties().getContentType());
    }

    @Test
    void anOlderOrRepeatedVersionSaysNothingNew() {
        var news = new OrderNews(json);
        assertTrue(news.isNew("a", 1));
        assertTrue(news.isNew("a", 3));
        assertFalse(news.isNew("a", 3));
        assertFalse(news.isNew("a", 2));
        assertTrue(news.isNew("b", 1));
    }
}
