import { useState, type FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { ADULT_AGE, MAX_USERNAME_LENGTH, MIN_PASSWORD_LENGTH } from '@/config/shop';
import { text } from '@/lib/form';
import { ApiError, messageFor } from '@/lib/http';
import { useRegister } from '../api/auth';
import styles from './AuthForm.module.css';

const FIELD_OF: Record<string, string> = { username_taken: 'username', email_taken: 'email' };

/** Opens an account. The page around it notices the session that begins. */
export function RegisterForm() {
  const register = useRegister();
  const [today] = useState(() => new Date().toISOString().slice(0, 10));
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (register.isPending) return;
    const form = event.currentTarget;
    const data = new FormData(form);
    const birth_date = text(data, 'birth_date');
    register.mutate(
      { username: text(data, 'username').trim(), email: text(data, 'email').trim(), password: text(data, 'password'), ...(birth_date && { birth_date }) },
      { onError: (error) => form.querySelector<HTMLInputElement>(`[name="${fieldOf(error)}"]`)?.focus() },
    );
  };
  const at = fieldOf(register.error);
  const error = (field: string) => (at === field ? messageFor(register.error) : undefined);
  return (
    <form className={styles.form} onSubmit={submit}>
      {register.isError && at === '' && <Notice tone="bad">{messageFor(register.error)}</Notice>}
      <Field label="Name" name="username" autoComplete="nickname" maxLength={MAX_USERNAME_LENGTH} required hint="Shown next to your reviews." error={error('username')} />
      <Field label="Email" name="email" type="email" autoComplete="username" required error={error('email')} />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={MIN_PASSWORD_LENGTH}
        required
        hint={`At least ${MIN_PASSWORD_LENGTH} characters.`}
        error={error('password')}
      />
      <Field
        label="Date of birth (optional)"
        name="birth_date"
        type="date"
        autoComplete="bday"
        min="1900-01-01"
        max={today}
        hint={`We sell alcohol to people of ${ADULT_AGE} or older only.`}
        error={error('birth_date')}
      />
      <Button type="submit" wide busy={register.isPending}>
        Create account
      </Button>
    </form>
  );
}

/** Which field a refusal is about; empty when it is about none of them. */
function fieldOf(error: unknown): string {
  if (!(error instanceof ApiError)) return '';
  const field = FIELD_OF[error.code] ?? error.answer.field;
  return typeof field === 'string' && ['username', 'email', 'password', 'birth_date'].includes(field) ? field : '';
}
