// The shop's things as /api/v1 sends them; the API's description says what they mean. Amounts are euro cents.
import type { components, operations } from './api-schema';

type Schemas = components['schemas'];
type JSONOf<Operation extends keyof operations> = operations[Operation] extends { responses: { 200: { content: { 'application/json': infer Body } } } } ? Body : never;

export type Product = Schemas['ProductV1'];
export type ProductPage = JSONOf<'searchProducts'>;
export type Facets = Schemas['Facets'];
export type Category = JSONOf<'getCategories'>['items'][number];
export type Review = Schemas['ReviewV1'];
export type ReviewPage = JSONOf<'getReviews'>;
export type Line = Schemas['BasketLine'];
/** A quote and a merge name the products that are not in it. */
export type Basket = Schemas['Basket'] & { left_out?: number[] };
export type PaymentMethod = Schemas['PaymentMethod'];
export type Address = Schemas['Address'];
export type OrderRequest = Schemas['OrderInput'];
export type Order = Schemas['Order'];
export type Reordered = JSONOf<'reorder'>;
export type Me = Schemas['Me'];
export type Session = Schemas['Session'];
