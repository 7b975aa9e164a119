import { useState, type FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Field } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { MAX_USERNAME_LENGTH } from '@/config/shop';
import { text } from '@/lib/form';
import { messageFor } from '@/lib/http';
import type { Me } from '@/lib/shop-types';
import { useChangeProfile } from '../api/account';
import styles from './account.module.css';

/** Name and e-mail address. Another address needs the password. */
export function ProfileForm({ me }: { me: Me }) {
  const change = useChangeProfile();
  const [email, setEmail] = useState(me.email);
  const otherEmail = email.trim() !== me.email;
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (change.isPending) return;
    const data = new FormData(event.currentTarget);
    change.mutate({ username: text(data, 'username').trim(), ...(otherEmail && { email: email.trim(), current_password: text(data, 'current_password') }) });
  };
  return (
    <form className={styles.form} onSubmit={submit}>
      <Field label="Name" name="username" autoComplete="nickname" defaultValue={me.username} maxLength={MAX_USERNAME_LENGTH} required hint="Shown next to your reviews." />
      <Field label="Email" name="email" type="email" autoComplete="username" value={email} onChange={(event) => setEmail(event.target.value)} required />
      {otherEmail && <Field label="Your password, to change the email" name="current_password" type="password" autoComplete="current-password" required />}
      {change.isError && <Notice tone="bad">{messageFor(change.error)}</Notice>}
      {change.isSuccess && !otherEmail && <Notice tone="good">Saved.</Notice>}
      <Button type="submit" busy={change.isPending}>
        Save
      </Button>
    </form>
  );
}
