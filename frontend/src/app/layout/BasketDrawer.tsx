import { Link } from 'react-router';
import { Button, ButtonLink } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import { BasketView } from '@/features/basket/components/BasketView';
import { Action } from '../goods';
import styles from './BasketDrawer.module.css';

/** The basket beside the goods. */
export default function BasketDrawer({ open, onClose }: { open: boolean; onClose: () => void }) {
  return (
    <Dialog open={open} onClose={onClose} title="Your basket" place="side">
      <BasketView
        layout="column"
        Action={Action}
        onLeave={onClose}
        browse={<Button onClick={onClose}>Look around</Button>}
        next={
          <div className={styles.next}>
            <ButtonLink to="/checkout" look="pay" wide onClick={onClose}>
              Go to checkout
            </ButtonLink>
            <Link to="/basket" onClick={onClose}>
              Open the basket as a page
            </Link>
          </div>
        }
      />
    </Dialog>
  );
}
