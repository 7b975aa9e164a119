import { ApiError, isPassing, messageFor } from '@/lib/http';
import type { Basket, Line, Product } from '@/lib/shop-types';
import { storage } from '@/lib/storage';
import { basketOf, getBasket, mergeBasket, quoteBasket, setItem } from './api/basket';
import { linesOf, parseLines, quantityOf, withQuantity } from './lines';

const KEY = 'grocery.basket';
/** How often one wish is repeated upon a basket that others keep changing. */
const TRIES = 3;
/** How long a guest's basket without prices waits before it asks for them again, the first time and at most. */
const AGAIN_MS = 1000;
const AGAIN_MOST_MS = 30_000;

/** A wish was about a product that somebody has changed meanwhile, in another window or on another device. */
class ChangedElsewhere extends Error {
  override message = 'Your basket was changed in another place. This is what is in it now.';
}

/** A quantity of a product that the shopper wants. */
interface Wish {
  /** The stored quantity upon which it was made; null when that was not known. */
  from: number | null;
  to: number;
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
  /** Why the last change was taken back, the basket could not be read, or a guest's goods are not all in it. */
  problem: string | null;
}

const EMPTY: BasketState = { status: 'ready', lines: [], products: new Map(), version: 0, saving: false, problem: null };

/**
 * The basket as the shopper sees it: a guest's in the browser, a signed-in shopper's at the shop.
 *
 * The store keeps apart what the shop is known to have (`#stored`, null until a read has succeeded) and the wishes not
 * yet saved. Wishes show at once and are sent one at a time, each naming the version of the basket it was made upon; when
 * the basket was changed in another place, a wish about a product that is as it was known is repeated upon the new
 * version, and any other is taken back. A wish that was made before the basket was known never lowers a quantity. When a
 * write was not answered, the basket is read again before the next one, because it is unknown whether it arrived.
 * Nothing is written upon a basket that has not been read.
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
  /** Why the basket is stale, when that is because a call has failed. */
  #failure: unknown = null;
  #wishes = new Map<number, Wish>();
  /** Goods of the guest who signed in, not yet in the stored basket. */
  #guest: Line[] = [];
  #running: Promise<void> | null = null;
  #again: ReturnType<typeof setTimeout> | undefined;
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
    await this.#price(0);
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
    const before = this.#wishes.get(productId);
    const from = before ? before.from : this.#stored && quantityOf(this.#stored, productId);
    this.#wishes.set(productId, { from, to: quantity });
    if (!this.#signedIn) {
      this.#stored = this.#wished();
      this.#wishes.clear();
      storage.set(KEY, JSON.stringify(this.#stored));
      this.#show({ problem: null });
      return;
    }
    this.#show({ problem: null });
    await this.#run(async () => {
      // It may have gone with an earlier one.
      if (this.#wishes.size > 0) await this.#save();
    });
  }

  /** Resolves when nothing is on its way any more. */
  async settled(): Promise<void> {
    while (this.#running) await this.#running;
  }

  /** Resolves when what is shown is what is stored. Throws when that cannot be found out. */
  async confirm(): Promise<void> {
    await this.settled();
    if (!this.#stale) return;
    await this.reload();
    if (this.#stale) throw this.#failure;
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
    this.#failure = null;
    this.#wishes.clear();
    this.#guest = [];
    this.#running = null;
    clearTimeout(this.#again);
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

  /** Asks for prices of a guest's goods. Without an answer the goods stay as they are, and the shop is asked again. */
  async #price(tries: number): Promise<void> {
    const owner = this.#owner;
    const lines = this.#stored ?? [];
    if (lines.length === 0) return this.#show({ status: 'ready', problem: null });
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
      if (unknown && isPassing(error)) this.#again = setTimeout(() => void this.#price(tries + 1), Math.min(AGAIN_MOST_MS, AGAIN_MS * 2 ** tries));
    }
  }

  async #read(): Promise<void> {
    const owner = this.#owner;
    try {
      const basket = await this.#brought();
      if (owner === this.#owner) this.#take(basket, this.#missing(basket.left_out));
    } catch (error) {
      if (owner !== this.#owner) return;
      this.#failure = error;
      const told = this.#stored === null || this.#wishes.size > 0;
      this.#wishes.clear();
      this.#show({ status: this.#stored === null ? 'failed' : 'ready', ...(told && { problem: messageFor(error) }) });
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
      const [id, wish] = [...this.#wishes][0]!;
      this.#show({});
      try {
        await this.#send(id, wish);
        if (owner !== this.#owner) return;
        const next = this.#wishes.get(id);
        if (next === wish) this.#wishes.delete(id);
        else if (next) this.#wishes.set(id, { from: quantityOf(this.#stored ?? [], id), to: next.to });
      } catch (error) {
        if (owner !== this.#owner) return;
        this.#stale = isPassing(error);
        this.#failure = error;
        if (isAboutOne(error)) this.#wishes.delete(id);
        else this.#wishes.clear();
        this.#show({ problem: error instanceof ChangedElsewhere ? error.message : messageFor(error) });
      }
    }
  }

  /** Has one wish saved, upon newer versions of the basket too as long as its product is as the shopper saw it. */
  async #send(id: number, wish: Wish): Promise<void> {
    const owner = this.#owner;
    for (let tries = 1; ; tries++) {
      const now = quantityOf(this.#stored ?? [], id);
      const wanted = upon(now, wish);
      // An earlier write of it arrived after all, or somebody wanted the same.
      if (now === wanted) return;
      if (wish.from !== null && wish.from !== now) throw new ChangedElsewhere();
      try {
        const basket = await setItem(id, wanted, this.#version);
        if (owner === this.#owner) this.#take(basket, this.#state.problem);
        return;
      } catch (error) {
        const changed = basketOf(error);
        if (owner !== this.#owner || !changed) throw error;
        this.#take(changed, this.#state.problem);
        if (tries === TRIES) throw error;
      }
    }
  }

  /** Has a basket of the shop's. What was wrong before is over, unless it is said to go on. */
  #take(basket: Basket, problem: string | null = null): void {
    this.#stored = linesOf(basket);
    this.#version = basket.version;
    this.#stale = false;
    this.#failure = null;
    this.#learn(basket.items.map((i) => i.product));
    this.#show({ status: 'ready', problem });
  }

  /** Says which of a guest's goods the shop did not put into the stored basket. */
  #missing(ids: number[] = []): string | null {
    if (ids.length === 0) return null;
    const names = ids.flatMap((id) => this.#products.get(id)?.name ?? []);
    const gone = ids.length - names.length;
    if (gone > 0) names.push(gone === 1 ? 'one product that we no longer have' : `${gone} products that we no longer have`);
    return `Not in your basket, because we could not put it in: ${names.join(', ')}.`;
  }

  #learn(products: Product[], gone: number[] = []): void {
    const known = new Map(this.#products);
    for (const product of products) known.set(product.id, product);
    for (const id of gone) known.set(id, null);
    this.#products = known;
  }

  #wished(): Line[] {
    let lines = this.#stored ?? [];
    for (const [id, wish] of this.#wishes) lines = withQuantity(lines, id, upon(quantityOf(lines, id), wish));
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

/** What a wish makes of a stored quantity: one that was made before the basket was known never lowers it. */
function upon(stored: number, { from, to }: Wish): number {
  return from === null ? Math.max(stored, to) : to;
}

/** Whether a refusal is about the one product; any other would meet the next wish too. */
function isAboutOne(error: unknown): boolean {
  return error instanceof ChangedElsewhere || (error instanceof ApiError && error.status < 500 && ![401, 403, 429].includes(error.status));
}
