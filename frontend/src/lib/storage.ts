/** Storage of the browser that never throws: where it is switched off or full, the page works and forgets. */
function safe(of: () => Storage) {
  return {
    get(key: string): string | null {
      try {
        return of().getItem(key);
      } catch {
        return null;
      }
    },
    set(key: string, value: string | null): void {
      try {
        if (value === null) of().removeItem(key);
        else of().setItem(key, value);
      } catch {
        // Private windows and full disks: nothing is kept, nothing breaks.
      }
    },
  };
}

/** Kept until it is removed, for all windows. */
export const storage = safe(() => localStorage);

/** Kept as long as the window is open, through reloads, for this window alone. */
export const windowStorage = safe(() => sessionStorage);
