import { Icon, type IconName } from '@/components/Icon';
import { ADULT_AGE, DELIVERY_FEE, FREE_DELIVERY_FROM } from '@/config/shop';
import { formatEUR } from '@/lib/money';
import { useTheme, type Theme } from '@/lib/use-theme';
import styles from './Footer.module.css';

const THEMES: { theme: Theme; label: string; icon: IconName }[] = [
  { theme: 'system', label: 'Same as my device', icon: 'auto' },
  { theme: 'light', label: 'Light', icon: 'sun' },
  { theme: 'dark', label: 'Dark', icon: 'moon' },
];

export function Footer() {
  const [theme, setTheme] = useTheme();
  return (
    <footer className={styles.footer}>
      <div className={styles.inside}>
        <p>
          Delivery {formatEUR(DELIVERY_FEE)}, free from {formatEUR(FREE_DELIVERY_FROM)}. Prices include VAT. Alcohol only to people of {ADULT_AGE} or older.
        </p>
        <fieldset className={styles.themes}>
          <legend className="visually-hidden">Colours</legend>
          {THEMES.map((t) => (
            <button key={t.theme} type="button" aria-pressed={theme === t.theme} aria-label={t.label} title={t.label} onClick={() => setTheme(t.theme)}>
              <Icon name={t.icon} size={18} />
            </button>
          ))}
        </fieldset>
      </div>
    </footer>
  );
}
