package shop.orders;

import com.fasterxml.jackson.annotation.JsonProperty;

/** "Make order" was pressed. The model was uploaded before: POST /v1/models answers its id. */
public record OrderSubmitted(
        @JsonProperty("shop_order_id") String shopOrderId,
        @JsonProperty("model_id") String modelId,
        String unit,
        String material,
        String finish,
        int quantity) {

    public static final String TYPE = "ru.mes.shop.order.submitted.v1";
    public static final String ROUTING_KEY = "shop.order.submitted";
}
