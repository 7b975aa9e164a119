import { useEffect, useId, useRef } from 'react';
import { Icon } from './Icon';
import styles from './Stepper.module.css';

interface StepperProps {
  /** What is counted, for the names of the buttons. */
  name: string;
  quantity: number;
  /** No more than this can be had; at 0 it says that there is none. */
  most: number;
  /** `upright` grows upwards, so that the plus stays where it was pressed; `labelled` says in words what the first press does. */
  look?: 'plain' | 'upright' | 'labelled';
  onChange: (quantity: number) => void;
}

/** Puts one unit more or less in. At nothing it is a single button that adds the first. */
export function Stepper({ name, quantity, most, look = 'plain', onChange }: StepperProps) {
  const group = useRef<HTMLDivElement>(null);
  const pressed = useRef(false);
  const reason = useId();
  const none = quantity === 0;
  const full = quantity >= most;
  const why = most > 0 ? `There are no more than ${most}.` : 'There are no more at the moment.';

  const step = (next: number) => {
    pressed.current = true;
    onChange(next);
  };

  // The control swaps its buttons at nothing, perhaps after a question; the keyboard stays where it was.
  useEffect(() => {
    if (!pressed.current) return;
    pressed.current = false;
    const at = document.activeElement;
    if (at === document.body || group.current?.contains(at)) group.current?.querySelector<HTMLElement>('[data-plus]')?.focus({ preventScroll: true });
  }, [none]);

  if (none && most <= 0) return <span className={`${styles.none} ${styles[look] ?? ''}`}>Sold out</span>;
  if (none) {
    return (
      <div className={styles.stepper} ref={group}>
        <button type="button" className={`${styles.add} ${styles[look]}`} data-plus aria-label={look === 'labelled' ? undefined : `Add ${name} to basket`} onClick={() => step(1)}>
          <Icon name="plus" />
          {look === 'labelled' && 'Add to basket'}
        </button>
      </div>
    );
  }
  return (
    <div className={`${styles.stepper} ${styles.open} ${styles[look]}`} data-open ref={group} role="group" aria-label={`Quantity of ${name}`}>
      <button type="button" className={styles.step} aria-label={quantity === 1 ? `Remove ${name}` : `One ${name} less`} onClick={() => step(quantity - 1)}>
        <Icon name={quantity === 1 ? 'bin' : 'minus'} size={18} />
      </button>
      <output className={`${styles.count} digits`} aria-live="polite">
        {quantity}
      </output>
      <button
        type="button"
        className={styles.step}
        data-plus
        aria-label={`One ${name} more`}
        aria-disabled={full || undefined}
        aria-describedby={full ? reason : undefined}
        title={full ? why : undefined}
        onClick={() => full || step(quantity + 1)}
      >
        <Icon name="plus" size={18} />
      </button>
      {full && (
        <span id={reason} className="visually-hidden">
          {why}
        </span>
      )}
    </div>
  );
}
