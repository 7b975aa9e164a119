import { useCallback, useState } from 'react';
import type { Address, OrderRequest } from '@/lib/shop-types';
import { windowStorage } from '@/lib/storage';

const KEY = 'grocery.checkout';

/** What has been filled in so far. It outlives a reload of the window, and belongs to one account. */
export interface Draft {
  user: number;
  address?: Address;
  /** An address that is being typed, and may not be one yet. */
  typed?: Partial<Address>;
  payment?: OrderRequest['payment'];
}

export function readDraft(user: number): Draft {
  try {
    const draft = JSON.parse(windowStorage.get(KEY) ?? 'null') as Draft | null;
    if (draft?.user === user) return draft;
  } catch {
    // Not ours.
  }
  return { user };
}

/** Keeps what is being typed. It shows already, so nothing is drawn again. */
export function keepTyped(user: number, typed: Partial<Address>): void {
  windowStorage.set(KEY, JSON.stringify({ ...readDraft(user), typed }));
}

export function forgetDraft(): void {
  windowStorage.set(KEY, null);
}

export function useDraft(user: number): [Draft, (change: Partial<Draft>) => void] {
  const [draft, setDraft] = useState(() => readDraft(user));
  const change = useCallback(
    (next: Partial<Draft>) => {
      const kept = { ...readDraft(user), ...next };
      windowStorage.set(KEY, JSON.stringify(kept));
      setDraft(kept);
    },
    [user],
  );
  return [draft, change];
}
