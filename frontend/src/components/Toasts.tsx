import { createContext, useCallback, useContext, useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { createPortal } from 'react-dom';
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
/** Gives messages another place; returns what takes it away. */
const Places = createContext<(place: HTMLElement) => () => void>(() => () => undefined);

/** Gives every component below a place for short messages that go away by themselves. */
export function ToastProvider({ children }: { children: ReactNode }) {
  const [toasts, setToasts] = useState<Toast[]>([]);
  const [places, setPlaces] = useState<HTMLElement[]>([]);
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

  const offer = useCallback((place: HTMLElement) => {
    setPlaces((all) => [...all, place]);
    return () => setPlaces((all) => all.filter((p) => p !== place));
  }, []);
  const place = places.at(-1);

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
      <Places value={offer}>{children}</Places>
      <div className={styles.toasts} role="status">
        {place ? createPortal(list, place) : list}
      </div>
    </Context>
  );
}

/** Where messages are shown while a modal dialog is open: it lies above the page, and all outside of it is out of reach. */
export function ToastPlace({ open }: { open: boolean }) {
  const offer = useContext(Places);
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => (open ? offer(place.current!) : undefined), [open, offer]);
  return <div className={styles.toasts} role="status" ref={place} />;
}

/** Returns the function that shows a short message. */
export function useToast() {
  return useContext(Context);
}
