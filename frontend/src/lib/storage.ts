/** localStorage that never throws: where it is switched off or full, the page works and forgets. */
export const storage = {
  get(key: string): string | null {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  },
  set(key: string, value: string | null): void {
    try {
      if (value === null) localStorage.removeItem(key);
      else localStorage.setItem(key, value);
    } catch {
      // Private windows and full disks: nothing is kept, nothing breaks.
    }
  },
};
