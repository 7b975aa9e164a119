import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import styles from './Toasts.module.css';

interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
}

const SHOWN_MS = 6000;
const Context = createContext<(text: string, tone?: Toast['tone']) => void>(() => undefined);

/** Gives every component below a place for short messages that go away by themselves. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const last = useRef(0);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());

  useEffect(() => {
    const all = timers.current;
    return () => all.forEach(clearTimeout);
  }, []);

  const show = useCallback((text: string, tone: Toast['tone'] = 'plain') => {
    const id = ++last.current;
    setToasts((shown) => [...shown.filter((t) => t.text !== text).slice(-2), { id, text, tone }]);
    timers.current.add(setTimeout(() => setToasts((shown) => shown.filter((t) => t.id !== id)), SHOWN_MS));
  }, []);

  const list = useMemo(
    () =>
      toasts.map((t) => (
        <p key={t.id} className={`${styles.toast} ${t.tone === 'bad' ? styles.bad : ''}`}>
          {t.text}
        </p>
      )),
    [toasts],
  );

  return (
    <Context value={show}>
      {children}
      <div className={styles.toasts} role="status">
        {list}
      </div>
    </Context>
  );
}

/** Returns the function that shows a short message. */
export function useToast() {
  return useContext(Context);
}
