import { useId, type InputHTMLAttributes, type ReactNode, type SelectHTMLAttributes, type TextareaHTMLAttributes } from 'react';
import styles from './Field.module.css';

interface Around {
  label: string;
  hint?: string;
  error?: string;
}

/** A labelled input with its hint and what is wrong with it. */
export function Field({ label, hint, error, ...rest }: InputHTMLAttributes<HTMLInputElement> & Around) {
  return <Labelled about={{ label, hint, error }}>{(ids) => <input {...ids} {...rest} />}</Labelled>;
}

/** A labelled list to choose from. */
export function SelectField({ label, hint, error, ...rest }: SelectHTMLAttributes<HTMLSelectElement> & Around) {
  return <Labelled about={{ label, hint, error }}>{(ids) => <select {...ids} {...rest} />}</Labelled>;
}

/** A labelled field for several lines. */
export function TextField({ label, hint, error, ...rest }: TextareaHTMLAttributes<HTMLTextAreaElement> & Around) {
  return <Labelled about={{ label, hint, error }}>{(ids) => <textarea {...ids} {...rest} />}</Labelled>;
}

function Labelled({ about: { label, hint, error }, children }: { about: Around; children: (ids: { id: string; 'aria-invalid'?: true; 'aria-describedby'?: string }) => ReactNode }) {
  const id = useId();
  const about = [hint && `${id}-hint`, error && `${id}-error`].filter(Boolean).join(' ');
  return (
    <div className={styles.field}>
      <label htmlFor={id}>{label}</label>
      {children({ id, ...(error && { 'aria-invalid': true }), ...(about && { 'aria-describedby': about }) })}
      {hint && (
        <p id={`${id}-hint`} className={styles.hint}>
          {hint}
        </p>
      )}
      {error && (
        <p id={`${id}-error`} className={styles.error}>
          {error}
        </p>
      )}
    </div>
  );
}
