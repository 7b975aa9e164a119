import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { Link } from 'react-router';
import styles from './Toasts.module.css';

/** What can be done about a message. */
export interface ToastAction {
  label: string;
  to: string;
}

interface Toast {
  id: number;
  text: string;
  tone: 'plain' | 'bad';
  action?: ToastAction;
}

const SHOWN_MS = 6000;
const Context = createContext<(text: string, tone?: Toast['tone'], action?: ToastAction) => void>(() => undefined);

/** Gives every component below a place for short messages that go away by themselves. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const last = useRef(0);
  const timers = useRef(new Set<ReturnType<typeof setTimeout>>());

  useEffect(() => {
    const all = timers.current;
    return () => all.forEach(clearTimeout);
  }, []);

  const drop = useCallback((id: number) => setToasts((shown) => shown.filter((t) => t.id !== id)), []);
  const show = useCallback(
    (text: string, tone: Toast['tone'] = 'plain', action?: ToastAction) => {
      const id = ++last.current;
      setToasts((shown) => [...shown.filter((t) => t.text !== text).slice(-2), { id, text, tone, action }]);
      timers.current.add(setTimeout(() => drop(id), action ? SHOWN_MS * 2 : SHOWN_MS));
    },
    [drop],
  );

  const list = useMemo(
    () =>
      toasts.map((t) => (
        <p key={t.id} className={`${styles.toast} ${t.tone === 'bad' ? styles.bad : ''}`}>
          {t.text}
          {t.action && (
            <Link to={t.action.to} onClick={() => drop(t.id)}>
              {t.action.label}
            </Link>
          )}
        </p>
      )),
    [toasts, drop],
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
