import { AvatarForm } from '@/features/account/components/AvatarForm';
import { DeleteAccount, SignOutEverywhere } from '@/features/account/components/Leaving';
import { PasswordForm } from '@/features/account/components/PasswordForm';
import { ProfileForm } from '@/features/account/components/ProfileForm';
import { formatDay } from '@/lib/dates';
import { Members } from '../Members';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

export default function AccountPage() {
  useDocumentTitle('Account');
  return (
    <Members>
      {(me) => (
        <div className={styles.page}>
          <h1>Account</h1>
          <p className={styles.soft}>
            {me.username}, with us since {formatDay(me.created_at)}
          </p>
          <div className={styles.cards}>
            <section className={styles.card} aria-labelledby="picture">
              <h2 id="picture">Picture</h2>
              <AvatarForm me={me} />
            </section>
            <section className={styles.card} aria-labelledby="profile">
              <h2 id="profile">Profile</h2>
              <ProfileForm key={me.id} me={me} />
            </section>
            <section className={styles.card} aria-labelledby="password">
              <h2 id="password">Password</h2>
              <PasswordForm me={me} />
            </section>
            <section className={styles.card} aria-labelledby="leaving">
              <h2 id="leaving">Leaving</h2>
              <SignOutEverywhere />
              <DeleteAccount />
            </section>
          </div>
        </div>
      )}
    </Members>
  );
}
