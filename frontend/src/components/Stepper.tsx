import { useRef } from 'react';
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

  // The control swaps its buttons at nothing; the keyboard stays where it was.
  const step = (next: number) => {
    const swaps = quantity === 0 || next === 0;
    onChange(next);
    if (swaps) requestAnimationFrame(() => group.current?.querySelector<HTMLElement>('[data-plus]')?.focus({ preventScroll: true }));
  };

  if (quantity === 0 && most <= 0) return <span className={`${styles.none} ${styles[look] ?? ''}`}>Sold out</span>;
  if (quantity === 0) {
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
        disabled={quantity >= most}
        onClick={() => step(quantity + 1)}
      >
        <Icon name="plus" size={18} />
      </button>
    </div>
  );
}
