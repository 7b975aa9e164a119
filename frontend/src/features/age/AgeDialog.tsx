import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { Notice } from '@/components/Notice';
import { ADULT_AGE } from '@/config/shop';
import styles from './age-gate.module.css';

interface AgeDialogProps {
  open: boolean;
  /** The answer is on its way to the shop. */
  busy: boolean;
  /** Why the shop did not take the answer. */
  problem: string | null;
  onAnswer: (ofAge: boolean) => void;
}

/** The question about age; leaving it is a no. */
export default function AgeDialog({ open, busy, problem, onAnswer }: AgeDialogProps) {
  return (
    <Dialog open={open} onClose={() => onAnswer(false)} title={`Are you ${ADULT_AGE} or older?`}>
      <div className={styles.body}>
        <p>This one contains alcohol. We sell it to people of {ADULT_AGE} or older, and the driver may ask for your ID.</p>
        {problem && <Notice tone="bad">{problem}</Notice>}
        <div className={styles.answers}>
          <Button busy={busy} onClick={() => onAnswer(true)}>Yes, I am {ADULT_AGE} or older</Button>
          <Button look="outline" onClick={() => onAnswer(false)}>
            No
          </Button>
        </div>
      </div>
    </Dialog>
  );
}
