import { isPassing, messageFor, NetworkError } from '@/lib/http';
import type { Basket, Line, Product } from '@/lib/shop-types';
import { storage } from '@/lib/storage';
import { basketOf, getBasket, mergeBasket, quoteBasket, setItem } from './api/basket';
import { linesOf, parseLines, quantityOf, withQuantity } from './lines';

const KEY = 'grocery.basket';
/** How often one wish is repeated upon a basket that others keep changing. */
const TRIES = 3;

/** A wish was about a product that somebody has changed meanwhile, in another window or on another device. */
class ChangedElsewhere extends Error {
  override message = 'Your basket was changed in another place. This is what is in it now.';
}

export interface BasketState {
  /** `failed`: the stored basket could not be read, so what is in it is unknown. */
  status: 'loading' | 'ready' | 'failed';
  lines: Line[];
  /** What is known of the products in it; null when the shop no longer has one. */
  products: ReadonlyMap<number, Product | null>;
  /** The version of the stored basket; 0 for a guest. */
  version: number;
  /** A change is on its way to the shop. */
  saving: boolean;
  /** Why the last change was taken back or the basket could not be read. */
  problem: string | null;
}

const EMPTY: BasketState = { status: 'ready', lines: [], products: new Map(), version: 0, saving: false, problem: null };

/**
 * The basket as the shopper sees it: a guest's in the browser, a signed-in shopper's at the shop.
 *
 * The store keeps apart what the shop is known to have (`#stored`, null until a read has succeeded) and the wishes not
 * yet saved. Wishes show at once and are sent one at a time, each naming the version of the basket it was made upon; when
 * the basket was changed in another place, a wish about a product that is as it was known is repeated upon the new
 * version, and any other is taken back. After a broken connection the basket is read again before the next write,
 * because it is unknown whether the last one arrived. Nothing is written upon a basket that has not been read.
 */
export class BasketStore {
  #state = EMPTY;
  #listeners = new Set<() => void>();
  /** Changes with every owner; whatever an earlier owner's call brings back is dropped. */
  #owner = 0;
  #signedIn = false;
  #stored: Line[] | null = [];
  #version = 0;
  #stale = false;
  #wishes = new Map<number, number>();
  /** Goods of the guest who signed in, not yet in the stored basket. */
  #guest: Line[] = [];
  #running: Promise<void> | null = null;
  #products: ReadonlyMap<number, Product | null> = new Map();

  get state(): BasketState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Shows the basket that is kept in this browser, and asks what it costs. */
  async openGuest(): Promise<void> {
    this.#begin(false, parseLines(storage.get(KEY)));
    this.#show({ status: 'ready', problem: null });
    await this.#price();
  }

  /**
   * Shows the stored basket of who has signed in and puts the guest's goods into it. Of a product in both, the larger
   * quantity stays: a merge that is repeated because its answer got lost doubles nothing.
   */
  async openAccount(): Promise<void> {
    this.#begin(true, null);
    this.#guest = parseLines(storage.get(KEY));
    this.#show({ status: 'loading', problem: null });
    await this.#run(() => this.#save());
  }

  /** Nothing is known yet about whose basket it is. */
  wait(): void {
    this.#begin(true, null);
    this.#show({ status: 'loading', problem: null });
  }

  /** Reads the basket again, after a failure or because another place may have changed it. */
  async reload(): Promise<void> {
    if (!this.#signedIn) return this.openGuest();
    if (this.#stored === null) this.#show({ status: 'loading', problem: null });
    this.#stale = true;
    await this.#run(() => this.#save());
  }

  /** Wishes a quantity of a product; 0 takes it out. */
  async set(productId: number, quantity: number, product?: Product): Promise<void> {
    if (product) this.#learn([product]);
    this.#wishes.set(productId, quantity);
    if (!this.#signedIn) {
      this.#stored = this.#wished();
      this.#wishes.clear();
      storage.set(KEY, JSON.stringify(this.#stored));
      this.#show({ problem: null });
      return;
    }
    this.#show({ problem: null });
    await this.#run(() => this.#save());
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** The shop has sold the basket and emptied it. */
  sold(): void {
    this.#stored = [];
    this.#stale = true; // the version is another one
    this.#wishes.clear();
    this.#show({ status: 'ready', problem: null });
  }

  /** Shows a basket that another call has brought, such as that of an earlier order. */
  adopt(basket: Basket): void {
    if (this.#signedIn) this.#take(basket);
  }

  #begin(signedIn: boolean, stored: Line[] | null): void {
    this.#owner++;
    this.#signedIn = signedIn;
    this.#stored = stored;
    this.#version = 0;
    this.#stale = stored === null;
    this.#wishes.clear();
    this.#guest = [];
    this.#running = null;
  }

  /** Runs one piece of work at a time, one after the other. */
  #run(work: () => Promise<void>): Promise<void> {
    const owner = this.#owner;
    const before = this.#running;
    const mine = (async () => {
      await before;
      if (owner === this.#owner) await work();
    })().finally(() => {
      if (this.#running === mine) {
        this.#running = null;
        if (owner === this.#owner) this.#show({});
      }
    });
    this.#running = mine;
    return mine;
  }

  /** Asks for prices of a guest's goods. Without an answer the goods stay as they are. */
  async #price(): Promise<void> {
    const owner = this.#owner;
    const lines = this.#stored ?? [];
    if (lines.length === 0) return;
    try {
      const quote = await quoteBasket(lines);
      if (owner !== this.#owner) return;
      this.#learn(
        quote.items.map((i) => i.product),
        quote.left_out,
      );
      this.#show({ status: 'ready', problem: null });
    } catch (error) {
      if (owner !== this.#owner) return;
      const unknown = lines.some((l) => this.#products.get(l.product_id) === undefined);
      this.#show({ status: unknown ? 'failed' : 'ready', problem: unknown ? messageFor(error) : null });
    }
  }

  async #read(): Promise<void> {
    const owner = this.#owner;
    try {
      const basket = await this.#brought();
      if (owner === this.#owner) this.#take(basket);
    } catch (error) {
      if (owner !== this.#owner) return;
      this.#wishes.clear();
      this.#show({ status: this.#stored === null ? 'failed' : 'ready', problem: messageFor(error) });
    }
  }

  /** The stored basket, with the guest's goods in it. */
  async #brought(): Promise<Basket> {
    if (this.#guest.length === 0) return getBasket();
    const owner = this.#owner;
    try {
      const basket = await mergeBasket(this.#guest);
      if (owner === this.#owner) {
        this.#guest = [];
        storage.set(KEY, null);
      }
      return basket;
    } catch (error) {
      // A shop that is away is asked again. Goods that it refuses stay in the browser, for the next sign-in.
      if (isPassing(error)) throw error;
      if (owner === this.#owner) this.#guest = [];
      return getBasket();
    }
  }

  /** Sends wishes until none is left. Without a fresh read nothing is sent. */
  async #save(): Promise<void> {
    const owner = this.#owner;
    if (this.#stale) await this.#read();
    while (owner === this.#owner && !this.#stale && this.#wishes.size > 0) {
      const [id, quantity] = [...this.#wishes][0]!;
      this.#show({});
      try {
        const basket = await this.#send(id, quantity);
        if (owner !== this.#owner) return;
        if (this.#wishes.get(id) === quantity) this.#wishes.delete(id);
        this.#take(basket);
      } catch (error) {
        if (owner !== this.#owner) return;
        this.#stale = error instanceof NetworkError;
        this.#wishes.clear();
        this.#show({ problem: error instanceof ChangedElsewhere ? error.message : messageFor(error) });
        return;
      }
    }
  }

  /** Sends one wish, upon newer versions of the basket too as long as its product is as the shopper saw it. */
  async #send(id: number, quantity: number): Promise<Basket> {
    const owner = this.#owner;
    const seen = quantityOf(this.#stored ?? [], id);
    for (let tries = 1; ; tries++) {
      try {
        return await setItem(id, quantity, this.#version);
      } catch (error) {
        const now = basketOf(error);
        if (owner !== this.#owner || !now || tries === TRIES) throw error;
        this.#take(now);
        if (quantityOf(linesOf(now), id) !== seen) throw new ChangedElsewhere();
      }
    }
  }

  #take(basket: Basket): void {
    this.#stored = linesOf(basket);
    this.#version = basket.version;
    this.#stale = false;
    this.#learn(basket.items.map((i) => i.product));
    this.#show({ status: 'ready' });
  }

  #learn(products: Product[], gone: number[] = []): void {
    const known = new Map(this.#products);
    for (const product of products) known.set(product.id, product);
    for (const id of gone) known.set(id, null);
    this.#products = known;
  }

  #wished(): Line[] {
    let lines = this.#stored ?? [];
    for (const [id, quantity] of this.#wishes) lines = withQuantity(lines, id, quantity);
    return lines;
  }

  #show(change: Partial<BasketState>): void {
    this.#state = {
      ...this.#state,
      ...change,
      lines: this.#wished(),
      products: this.#products,
      version: this.#version,
      saving: this.#signedIn && this.#running !== null && this.#wishes.size > 0,
    };
    for (const listener of [...this.#listeners]) listener();
  }
}
