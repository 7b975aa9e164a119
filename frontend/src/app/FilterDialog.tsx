import { Button } from '@/components/Button';
import { Dialog } from '@/components/Dialog';
import FilterPanel from '@/features/catalogue/components/FilterPanel';
import styles from './FilterDialog.module.css';

type FilterDialogProps = Parameters<typeof FilterPanel>[0] & { found: string; onClose: () => void };

/** The filters of the store where there is no room beside the goods: what is found counts along. */
export default function FilterDialog({ found, onClose, ...panel }: FilterDialogProps) {
  return (
    <Dialog open onClose={onClose} title="Filter" place="side">
      <div className={styles.panel}>
        <FilterPanel {...panel} />
      </div>
      <div className={styles.foot}>
        <Button wide onClick={onClose}>
          Show {found}
        </Button>
      </div>
    </Dialog>
  );
}
