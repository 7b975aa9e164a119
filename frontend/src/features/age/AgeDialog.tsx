import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { ADULT_AGE } from '@/config/shop';
import styles from './age-gate.module.css';

/** The question about age; leaving it is a no. */
export default function AgeDialog({ open, onAnswer }: { open: boolean; onAnswer: (ofAge: boolean) => void }) {
  return (
    <Dialog open={open} onClose={() => onAnswer(false)} title={`Are you ${ADULT_AGE} or older?`}>
      <div className={styles.body}>
        <p>This one contains alcohol. We sell it to people of {ADULT_AGE} or older, and the driver may ask for your ID.</p>
        <div className={styles.answers}>
          <Button onClick={() => onAnswer(true)}>Yes, I am {ADULT_AGE} or older</Button>
          <Button look="outline" onClick={() => onAnswer(false)}>
            No
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
