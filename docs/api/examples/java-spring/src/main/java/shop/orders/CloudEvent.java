package shop.orders;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.time.Instant;

/** The envelope: CloudEvents 1.0 in structured JSON. */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record CloudEvent<T>(
        String specversion,
        String id,
        String source,
        String type,
        String subject,
        Instant time,
        String datacontenttype,
        String traceparent,
        T data) {

    public static final String CONTENT_TYPE = "application/cloudevents+json";

    /** @param id the same whenever the same message is sent again: keep it in your outbox */
    public static <T> CloudEvent<T> of(String id, String type, String subject, Instant time, T data) {
        return new CloudEvent<>(
                "1.0", id, "/shop", type, subject, time, "application/json", null, data);
    }
}
