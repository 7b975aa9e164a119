import type { ButtonHTMLAttributes, ReactNode } from 'react';
import { Link, type LinkProps } from 'react-router';
import styles from './Button.module.css';

/** `pay` wears the yellow of the price labels and is only for what leads to paying. */
export type ButtonLook = 'solid' | 'pay' | 'outline' | 'quiet';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  look?: ButtonLook;
  wide?: boolean;
  /** Shows that the click is being worked on and takes no further one. */
  busy?: boolean;
  children: ReactNode;
}

export function Button({ look = 'solid', wide, busy, children, onClick, ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={`${styles.button} ${styles[look]} ${wide ? styles.wide : ''}`}
      aria-disabled={busy || undefined}
      aria-busy={busy || undefined}
      onClick={(event) => {
        if (busy) event.preventDefault();
        else onClick?.(event);
      }}
      {...rest}
    >
      {busy && <span className={styles.spinner} aria-hidden="true" />}
      {children}
    </button>
  );
}

export function ButtonLink({ look = 'solid', wide, ...rest }: LinkProps & { look?: ButtonLook; wide?: boolean }) {
  return <Link className={`${styles.button} ${styles[look]} ${wide ? styles.wide : ''}`} {...rest} />;
}
