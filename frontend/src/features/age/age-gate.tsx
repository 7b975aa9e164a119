import { createContext, useCallback, useContext, useMemo, useRef, useState, type ReactNode } from 'react';
import { Guard, later } from '@/components/Later';
import { useToast } from '@/components/Toasts';
import { ADULT_AGE } from '@/config/shop';
import { messageFor } from '@/lib/http';
import { session } from '@/lib/session';
import { storage } from '@/lib/storage';
import { confirmAge } from './api/confirm-age';

const AgeDialog = later(() => import('./AgeDialog'));
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
  const [question, setQuestion] = useState<'never' | 'open' | 'closed'>('never');
  const [busy, setBusy] = useState(false);
  const [problem, setProblem] = useState<string | null>(null);
  const waiting = useRef<((ofAge: boolean) => void)[]>([]);
  const confirming = useRef<Promise<boolean> | null>(null);
  const toast = useToast();

  /** Has a yes stored with the account, once for everybody who waits for that. */
  const stored = useCallback(() => (confirming.current ??= confirmAge().finally(() => (confirming.current = null))), []);

  const settle = useCallback((ofAge: boolean) => {
    setQuestion((q) => (q === 'never' ? q : 'closed'));
    for (const resolve of waiting.current.splice(0)) resolve(ofAge);
  }, []);

  const answer = useCallback(
    async (yes: boolean) => {
      setProblem(null);
      if (!yes) return settle(false);
      try {
        setBusy(true);
        const ofAge = session.state.user === null || (await stored());
        if (ofAge) storage.set(KEY, 'yes');
        settle(ofAge);
      } catch (error) {
        setProblem(messageFor(error));
      } finally {
        setBusy(false);
      }
    },
    [stored, settle],
  );

  const gate = useMemo<AgeGate>(() => {
    const confirm = async () => {
      const { user } = session.state;
      if (user?.is_adult) return true;
      if (user?.age === 'minor') return false;
      if (storage.get(KEY) === 'yes') return user ? stored() : true;
      setProblem(null);
      setQuestion('open');
      return new Promise<boolean>((resolve) => waiting.current.push(resolve));
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
  }, [toast, stored]);

  const onFailure = () => {
    setQuestion('never');
    settle(false);
    toast('We have to ask for your age first, and the question did not arrive. Check your connection and try again.', 'bad');
  };

  return (
    <Context value={gate}>
      {children}
      {question !== 'never' && (
        <Guard onFailure={onFailure}>
          <AgeDialog open={question === 'open'} busy={busy} problem={problem} onAnswer={(yes) => void answer(yes)} />
        </Guard>
      )}
    </Context>
  );
}
