import { createContext, lazy, Suspense, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { useToast } from '@/components/Toasts';
import { ADULT_AGE } from '@/config/shop';
import { messageFor } from '@/lib/http';
import { session } from '@/lib/session';
import { storage } from '@/lib/storage';
import { confirmAge } from './api/confirm-age';

const AgeDialog = lazy(() => import('./AgeDialog'));
const KEY = 'grocery.of-age';
const TOO_YOUNG = `We sell alcohol to people of ${ADULT_AGE} or older only, and your account says that you are younger.`;

interface AgeGate {
  /**
   * Asks for the shopper's age unless that was done before, and has the answer stored with the account of who is signed
   * in. Resolves to whether they may have alcohol; throws when the shop did not take the answer.
   */
  confirm: () => Promise<boolean>;
  /** The same, and says in a short message why not. */
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
  const [asked, setAsked] = useState(false);
  const waiting = useRef<((ofAge: boolean) => void)[]>([]);
  const toast = useToast();

  const answer = useCallback((ofAge: boolean) => {
    if (ofAge) storage.set(KEY, 'yes');
    setOpen(false);
    for (const resolve of waiting.current.splice(0)) resolve(ofAge);
  }, []);

  const gate = useMemo<AgeGate>(() => {
    const ask = () => {
      if (storage.get(KEY) === 'yes') return Promise.resolve(true);
      setAsked(true);
      setOpen(true);
      return new Promise<boolean>((resolve) => waiting.current.push(resolve));
    };
    const confirm = async () => {
      const { user } = session.state;
      if (user?.is_adult) return true;
      if (user?.age === 'minor' || !(await ask())) return false;
      return session.state.user ? confirmAge() : true;
    };
    return {
      confirm,
      ensure: async () => {
        try {
          const ofAge = await confirm();
          if (!ofAge && session.state.user?.age === 'minor') toast(TOO_YOUNG, 'bad');
          return ofAge;
        } catch (error) {
          toast(messageFor(error), 'bad');
          return false;
        }
      },
      forget: () => storage.set(KEY, null),
    };
  }, [toast]);

  return (
    <Context value={gate}>
      {children}
      {asked && (
        <Suspense>
          <AgeDialog open={open} onAnswer={answer} />
        </Suspense>
      )}
    </Context>
  );
}
