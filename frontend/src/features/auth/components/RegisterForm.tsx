import type { FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { MAX_USERNAME_LENGTH, MIN_PASSWORD_LENGTH } from '@/config/shop';
import { messageFor } from '@/lib/api-client';
import { useRegister } from '../api/register';
import { text } from '../form';
import styles from './AuthForm.module.css';

/** Opens an account. The page around it notices the session that begins. */
export function RegisterForm() {
  const register = useRegister();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (register.isPending) return;
    const data = new FormData(event.currentTarget);
    register.mutate({ username: text(data, 'username').trim(), email: text(data, 'email').trim(), password: text(data, 'password') });
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      {register.isError && <Notice tone="bad">{messageFor(register.error)}</Notice>}
      <Field label="Name" name="username" autoComplete="username" maxLength={MAX_USERNAME_LENGTH} required hint="Shown next to your reviews." />
      <Field label="Email" name="email" type="email" autoComplete="email" required />
      <Field
        label="Password"
        name="password"
        type="password"
        autoComplete="new-password"
        minLength={MIN_PASSWORD_LENGTH}
        required
        hint={`At least ${MIN_PASSWORD_LENGTH} characters.`}
      />
      <Button type="submit" wide busy={register.isPending}>
        Create account
      </Button>
    </form>
  );
}
