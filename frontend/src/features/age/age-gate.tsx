import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { ADULT_AGE } from '@/config/shop';
import { storage } from '@/lib/storage';
import styles from './age-gate.module.css';

const KEY = 'grocery.of-age';

interface AgeGate {
  /** Asks for the shopper's age unless that was done before. Resolves to whether they may have alcohol. */
  ensure: () => Promise<boolean>;
  /** Forgets the answer: the next person at this browser is asked again. */
  forget: () => void;
}

const Context = createContext<AgeGate | null>(null);

export function useAgeGate(): AgeGate {
  const gate = useContext(Context);
  if (!gate) throw new Error('useAgeGate needs an AgeGateProvider around it');
  return gate;
}

/** Holds the question that stands before alcohol. It is put once; only a yes is remembered. */
export function AgeGateProvider({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState(false);
  const waiting = useRef<((ofAge: boolean) => void)[]>([]);

  const answer = useCallback((ofAge: boolean) => {
    if (ofAge) storage.set(KEY, 'yes');
    setOpen(false);
    for (const resolve of waiting.current.splice(0)) resolve(ofAge);
  }, []);

  const gate = useMemo<AgeGate>(
    () => ({
      ensure: () => {
        if (storage.get(KEY) === 'yes') return Promise.resolve(true);
        setOpen(true);
        return new Promise((resolve) => waiting.current.push(resolve));
      },
      forget: () => storage.set(KEY, null),
    }),
    [],
  );

  return (
    <Context value={gate}>
      {children}
      <Dialog open={open} onClose={() => answer(false)} title={`Are you ${ADULT_AGE} or older?`}>
        <div className={styles.body}>
          <p>This one contains alcohol. We sell it to people of {ADULT_AGE} or older, and the driver may ask for your ID.</p>
          <div className={styles.answers}>
            <Button onClick={() => answer(true)}>Yes, I am {ADULT_AGE} or older</Button>
            <Button look="outline" onClick={() => answer(false)}>
              No
            </Button>
          </div>
        </div>
      </Dialog>
    </Context>
  );
}
