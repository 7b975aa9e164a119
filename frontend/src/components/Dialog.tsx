import { useEffect, useId, useRef, type ReactNode } from 'react';
import { Icon } from './Icon';
import { ToastPlace } from './Toasts';
import styles from './Dialog.module.css';

interface DialogProps {
  open: boolean;
  onClose: () => void;
  title: string;
  /** `side` slides in from the right edge and is as tall as the window. */
  place?: 'middle' | 'side';
  children: ReactNode;
}

/** A modal dialog. The browser keeps the focus inside, gives it back at the end and closes on Escape. */
export function Dialog({ open, onClose, title, place = 'middle', children }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const titleId = useId();

  useEffect(() => {
    const element = dialog.current;
    if (!element) return;
    if (open && !element.open) element.showModal();
    if (!open && element.open) element.close();
  }, [open]);

  return (
    <dialog
      ref={dialog}
      className={`${styles.dialog} ${styles[place]}`}
      aria-labelledby={titleId}
      onClose={onClose}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      {open && (
        <div className={styles.inside}>
          <header className={styles.head}>
            <h2 id={titleId}>{title}</h2>
            <button type="button" className={styles.close} aria-label="Close" onClick={onClose}>
              <Icon name="close" />
            </button>
          </header>
          {children}
        </div>
      )}
      <ToastPlace open={open} />
    </dialog>
  );
}
