// A whole sale: a seller offers something, a guest orders it, the first card is declined and the second one pays, and the seller
// ships it. Run it against a demo shop: npm run sale -- http://127.0.0.1:8080

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { etagOf, eventually, found, type Schemas, type Shop, shopAt } from "./shop.js";

const SELLER = { email: "olga@souk.example", password: "souk-demo-business" };
const DECLINED = "4000 0000 0000 0002";
const APPROVED = "4242 4242 4242 4242";

async function signedIn(base: string): Promise<Shop> {
  const tokens = found(await shopAt(base).POST("/api/v1/auth/sign-in", { body: SELLER }));
  return shopAt(base, tokens.access_token);
}

/** Something that the seller has in stock, and publishes. */
async function offer(seller: Shop): Promise<Schemas["Product"]> {
  const businesses = found(await seller.GET("/api/v1/me/businesses"));
  const business = businesses.items.find((one) => one.status === "published");
  assert(business, "the seller has a published business");
  const draft: Schemas["ProductInput"] = {
    seller_id: business.id,
    title: `Sourdough starter ${randomUUID().slice(0, 8)}`,
    status: "published",
    variants: [{ price: { amount: 790, currency: "EUR" } }],
  };
  const product = found(
    await seller.POST("/api/v1/products", { params: { header: { "Idempotency-Key": randomUUID() } }, body: draft }),
  );
  const variant = product.variants[0];
  assert(variant, "a product has a variant");
  const path = { variant_id: variant.id };
  const stock = await eventually("the stock of the new product", async () => {
    const answer = await seller.GET("/api/v1/admin/stock/{variant_id}", { params: { path } });
    return answer.error === undefined ? answer : undefined;
  });
  const settings = await seller.PATCH("/api/v1/admin/stock/{variant_id}", {
    params: { path, header: { "If-Match": etagOf(stock) } },
    body: { threshold: 2 },
  });
  assert.equal(found(settings).threshold, 2);
  const counted = await seller.POST("/api/v1/admin/stock/{variant_id}/adjustments", {
    params: { path },
    body: { set_on_hand: 5, reason: "first batch" },
  });
  assert.equal(found(counted).on_hand, 5);
  return product;
}

/** The guest's cart, once the product is for sale. */
async function fill(guest: Shop, product: Schemas["Product"]): Promise<Schemas["Cart"]> {
  const variant = product.variants[0];
  assert(variant);
  return eventually("a cart with the product", async () => {
    const answer = await guest.POST("/api/v1/carts", {
      params: { header: { "Idempotency-Key": randomUUID() } },
      body: { lines: [{ product_id: product.id, variant_id: variant.id, quantity: 2 }] },
    });
    return answer.error?.code === "not-for-sale" ? undefined : found(answer);
  });
}

/** Ordered with a card that is declined, then paid with another one. */
async function order(guest: Shop, cart: Schemas["Cart"]): Promise<{ order: Schemas["Order"]; token: string }> {
  const placed = await guest.POST("/api/v1/orders", {
    params: { header: { "Idempotency-Key": randomUUID(), Prefer: "wait=10" } },
    body: {
      cart_id: cart.id,
      email: "guest@example.com",
      shipping_address: {
        name: "Ann Lee",
        street_address: "Marienplatz 8",
        postal_code: "80331",
        address_locality: "München",
        address_country: "DE",
      },
      payment_method: DECLINED,
    },
  });
  const declined = found(placed);
  assert.equal(declined.status, "awaiting_payment");
  assert(declined.payment.declined, "the order says why the card was declined");
  const token = declined.guest_token;
  assert(token, "a guest is given a token");

  const paid = await guest.POST("/api/v1/orders/{order_id}/pay", {
    params: { path: { order_id: declined.id }, query: { token }, header: { Prefer: "wait=10" } },
    body: { payment_method: APPROVED },
  });
  const confirmed = found(paid);
  assert.equal(confirmed.status, "confirmed");
  assert.deepEqual(confirmed.payment.captured, confirmed.total);
  return { order: confirmed, token };
}

/** Sent by the seller, who sees the own part of the order among those of the business. */
async function ship(seller: Shop, sellerId: Schemas["BusinessId"], orderId: Schemas["OrderId"]): Promise<void> {
  const business = { business_id: sellerId };
  const listed = await eventually("the order in the seller's list", async () => {
    const orders = found(await seller.GET("/api/v1/businesses/{business_id}/orders", { params: { path: business } }));
    return orders.items.find((one) => one.id === orderId);
  });
  assert.equal(listed.lines.length, 1);
  const path = { ...business, order_id: orderId };
  const steps: Schemas["AdvancePart"][] = [
    { status: "processing" },
    { status: "shipped", parcels: [{ carrier: "DHL", number: "00340434161094042557" }] },
  ];
  for (const body of steps) {
    const read = await seller.GET("/api/v1/businesses/{business_id}/orders/{order_id}", { params: { path } });
    const advanced = await seller.POST("/api/v1/businesses/{business_id}/orders/{order_id}/status", {
      params: { path, header: { "If-Match": etagOf(read) } },
      body,
    });
    assert.equal(found(advanced).status, body.status);
  }
}

async function run(base: string): Promise<void> {
  const seller = await signedIn(base);
  const product = await offer(seller);
  const guest = shopAt(base);
  const cart = await fill(guest, product);
  const { order: confirmed, token } = await order(guest, cart);
  await ship(seller, product.seller_id, confirmed.id);

  const path = { order_id: confirmed.id };
  const shipped = await guest.GET("/api/v1/orders/{order_id}", { params: { path, query: { token } } });
  assert.equal(found(shipped).status, "shipped");
  const same = await guest.GET("/api/v1/orders/{order_id}", {
    params: { path, query: { token }, header: { "If-None-Match": etagOf(shipped) } },
  });
  assert.equal(same.response.status, 304);

  const again = await guest.POST("/api/v1/carts/{cart_id}/lines", {
    params: { path: { cart_id: cart.id } },
    body: { product_id: product.id, variant_id: product.variants[0]?.id ?? "", quantity: 1 },
  });
  assert.equal(again.error?.code, "cart-closed");
  console.log(`${confirmed.number}: ordered, declined, paid with another card, shipped`);
}

const base = process.argv[2];
assert(base, "name the shop: http://127.0.0.1:8080");
await run(base);
