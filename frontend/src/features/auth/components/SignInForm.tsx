import type { FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { messageFor } from '@/lib/http';
import { useLogin } from '../api/auth';
import { text } from '@/lib/form';
import styles from './AuthForm.module.css';

/** Signs in. The page around it notices the session that begins. */
export function SignInForm() {
  const login = useLogin();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (login.isPending) return;
    const data = new FormData(event.currentTarget);
    login.mutate({ email: text(data, 'email').trim(), password: text(data, 'password') });
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      {login.isError && <Notice tone="bad">{messageFor(login.error)}</Notice>}
      <Field label="Email" name="email" type="email" autoComplete="username" required />
      <Field label="Password" name="password" type="password" autoComplete="current-password" required />
      <Button type="submit" wide busy={login.isPending}>
        Sign in
      </Button>
    </form>
  );
}
