import { useState, type FormEvent } from 'react';
import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { Field } from '@/components/Field';
import { Notice } from '@/components/Notice';
import { text } from '@/lib/form';
import { messageFor } from '@/lib/http';
import { useDeleteAccount, useSignOutEverywhere } from '../api/account';
import styles from './account.module.css';

/** Signs out all devices. */
export function SignOutEverywhere() {
  const out = useSignOutEverywhere();
  return (
    <div className={styles.form}>
      <p className={styles.soft}>Ends every session of this account, also on devices that you no longer have. You sign in again with your password.</p>
      {out.isError && <Notice tone="bad">{messageFor(out.error)}</Notice>}
      <Button look="outline" busy={out.isPending} onClick={() => out.mutate()}>
        Sign out everywhere
      </Button>
    </div>
  );
}

/** Deletes the account, after the password was given once more. */
export function DeleteAccount() {
  const [open, setOpen] = useState(false);
  const remove = useDeleteAccount();
  const submit = (event: FormEvent<HTMLFormElement>) => {
    event.preventDefault();
    if (!remove.isPending) remove.mutate(text(new FormData(event.currentTarget), 'current_password'));
  };
  return (
    <div className={styles.form}>
      <p className={styles.soft}>Removes your account, your favourites and your picture for good. What you bought stays in our books, without you.</p>
      <Button look="outline" onClick={() => setOpen(true)}>
        Delete account…
      </Button>
      <Dialog open={open} onClose={() => setOpen(false)} title="Delete your account?">
        <form className={styles.dialog} onSubmit={submit}>
          <p>This cannot be undone.</p>
          <Field label="Your password" name="current_password" type="password" autoComplete="current-password" required />
          {remove.isError && <Notice tone="bad">{messageFor(remove.error)}</Notice>}
          <Button type="submit" busy={remove.isPending}>
            Delete my account for good
          </Button>
          <Button look="outline" onClick={() => setOpen(false)}>
            Keep it
          </Button>
        </form>
      </Dialog>
    </div>
  );
}
