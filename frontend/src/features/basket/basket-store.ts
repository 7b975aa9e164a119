import { messageFor, NetworkError } from '@/lib/api-client';
import { storage } from '@/lib/storage';
import { getBasket } from './api/get-basket';
import { putBasket } from './api/put-basket';
import { parseLines, quantityOf, withQuantity, type Line } from './lines';

const KEY = 'grocery.basket';

export interface BasketState {
  /** `failed`: the stored basket could not be read, so what is in it is unknown. */
  status: 'loading' | 'ready' | 'failed';
  lines: Line[];
  /** A change is on its way to the shop. */
  saving: boolean;
  /** Why the last change was taken back or the basket could not be read. */
  problem: string | null;
}

const EMPTY: BasketState = { status: 'ready', lines: [], saving: false, problem: null };

/**
 * The basket as the shopper sees it: a guest's in the browser, a signed-in shopper's at the shop.
 *
 * The API replaces a whole basket at once. So the store keeps apart what the shop is known to have (`#stored`, null until
 * a read has succeeded) and the wishes not yet saved, and writes only stored lines with wishes applied. Wishes show at
 * once, one write runs at a time and takes along everything wished meanwhile. When a write fails its wishes are taken
 * back, and after a broken connection the basket is read again before the next write, because it is unknown whether the
 * write arrived.
 */
export class BasketStore {
  #state = EMPTY;
  #listeners = new Set<() => void>();
  /** Changes with every owner; whatever an earlier owner's call brings back is dropped. */
  #owner = 0;
  #signedIn = false;
  #stored: Line[] | null = [];
  #stale = false;
  #wishes = new Map<number, number>();
  /** Goods of the guest who signed in, not yet in the stored basket. */
  #guest: Line[] = [];
  #running: Promise<void> | null = null;

  get state(): BasketState {
    return this.#state;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Shows the basket that is kept in this browser. */
  openGuest(): void {
    this.#begin(false, parseLines(storage.get(KEY)));
    this.#show({ status: 'ready', problem: null });
  }

  /**
   * Shows the stored basket of who has signed in and puts the guest's goods into it. Of a product in both, the larger
   * quantity stays: a merge that is repeated because its answer got lost doubles nothing. Guest lines about unknown
   * products are left behind.
   */
  async openAccount(isKnown: (productId: number) => boolean = () => true): Promise<void> {
    this.#begin(true, null);
    this.#guest = parseLines(storage.get(KEY)).filter((l) => isKnown(l.product_id));
    this.#show({ status: 'loading', problem: null });
    await this.#run(() => this.#save());
  }

  /** Reads the stored basket again, after a failure or because another device may have changed it. */
  async reload(): Promise<void> {
    if (!this.#signedIn) return this.openGuest();
    if (this.#stored === null) this.#show({ status: 'loading', problem: null });
    this.#stale = true;
    await this.#run(() => this.#save());
  }

  /** Wishes a quantity of a product; 0 takes it out. */
  async set(productId: number, quantity: number): Promise<void> {
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
    this.#wishes.clear();
    this.#show({ status: 'ready', problem: null });
  }

  #begin(signedIn: boolean, stored: Line[] | null): void {
    this.#owner++;
    this.#signedIn = signedIn;
    this.#stored = stored;
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

  async #read(): Promise<void> {
    const owner = this.#owner;
    try {
      const lines = await getBasket();
      if (owner !== this.#owner) return;
      this.#stored = lines;
      this.#stale = false;
      for (const { product_id, quantity } of this.#guest) {
        if (quantity > quantityOf(lines, product_id) && !this.#wishes.has(product_id)) this.#wishes.set(product_id, quantity);
      }
      this.#show({ status: 'ready', problem: null });
    } catch (error) {
      if (owner !== this.#owner) return;
      this.#wishes.clear();
      this.#show({ status: this.#stored === null ? 'failed' : 'ready', problem: messageFor(error) });
    }
  }

  /** Writes until no wish is left. Without a fresh read nothing is written. */
  async #save(): Promise<void> {
    const owner = this.#owner;
    if (this.#stale) await this.#read();
    while (owner === this.#owner && !this.#stale && this.#wishes.size > 0) {
      const sent = new Map(this.#wishes);
      const lines = this.#wished();
      this.#show({});
      try {
        await putBasket(lines);
        if (owner !== this.#owner) return;
        this.#stored = lines;
        for (const [id, quantity] of sent) if (this.#wishes.get(id) === quantity) this.#wishes.delete(id);
      } catch (error) {
        if (owner !== this.#owner) return;
        this.#stale = error instanceof NetworkError;
        this.#wishes.clear();
        // Refused goods of a guest stay in the browser and are offered again at the next sign-in.
        if (!this.#stale) this.#guest = [];
        this.#show({ problem: messageFor(error) });
        return;
      }
    }
    if (owner === this.#owner && !this.#stale && this.#guest.length > 0) {
      this.#guest = [];
      storage.set(KEY, null);
    }
  }

  #wished(): Line[] {
    let lines = this.#stored ?? [];
    for (const [id, quantity] of this.#wishes) lines = withQuantity(lines, id, quantity);
    return lines;
  }

  #show(change: Partial<BasketState>): void {
    this.#state = { ...this.#state, ...change, lines: this.#wished(), saving: this.#signedIn && this.#running !== null && this.#wishes.size > 0 };
    for (const listener of [...this.#listeners]) listener();
  }
}
