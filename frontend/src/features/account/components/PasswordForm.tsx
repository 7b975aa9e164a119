import type { FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { MIN_PASSWORD_LENGTH } from '@/config/shop';
import { text } from '@/lib/form';
import { messageFor } from '@/lib/http';
import type { Me } from '@/lib/shop-types';
import { useChangePassword } from '../api/account';
import styles from './account.module.css';

/** Another password; the other devices are signed out with it. */
export function PasswordForm({ me }: { me: Me }) {
  const change = useChangePassword();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (change.isPending) return;
    const form = event.currentTarget;
    const data = new FormData(form);
    change.mutate({ current_password: text(data, 'current_password'), new_password: text(data, 'new_password') }, { onSuccess: () => form.reset() });
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      {/* Whose password it is, for who keeps passwords. */}
      <input type="email" name="email" autoComplete="username" value={me.email} readOnly hidden />
      <Field label="Current password" name="current_password" type="password" autoComplete="current-password" required />
      <Field
        label="New password"
        name="new_password"
        type="password"
        autoComplete="new-password"
        minLength={MIN_PASSWORD_LENGTH}
        required
        hint={`At least ${MIN_PASSWORD_LENGTH} characters. Your other devices are signed out.`}
      />
      {change.isError && <Notice tone="bad">{messageFor(change.error)}</Notice>}
      {change.isSuccess && <Notice tone="good">Your password is changed, and your other devices are signed out.</Notice>}
      <Button type="submit" busy={change.isPending}>
        Change password
      </Button>
    </form>
  );
}
