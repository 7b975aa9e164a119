/** Storage of the browser that never throws: where it is switched off or full, the page remembers as long as it is open. */
function safe(of: () => Storage) {
  const memory = new Map<string, string>();
  return {
    get(key: string): string | null {
      const kept = memory.get(key);
      if (kept !== undefined) return kept;
      try {
        return of().getItem(key);
      } catch {
        return null;
      }
    },
    set(key: string, value: string | null): void {
      memory.delete(key);
      try {
        if (value === null) of().removeItem(key);
        else of().setItem(key, value);
      } catch {
        // Private windows and full disks.
        if (value !== null) memory.set(key, value);
      }
    },
  };
}

/** Kept until it is removed, for all windows. */
export const storage = safe(() => localStorage);

/** Kept as long as the window is open, through reloads, for this window alone. */
export const windowStorage = safe(() => sessionStorage);
