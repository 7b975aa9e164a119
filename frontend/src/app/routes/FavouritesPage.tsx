import { Button, ButtonLink } from '@/components/Button';
import { EmptyState } from '@/components/EmptyState';
import { Shelf } from '@/features/catalogue/components/Shelf';
import { hueOf } from '@/features/catalogue/hues';
import { useFavourites } from '@/features/favourites/api/favourites';
import { messageFor } from '@/lib/http';
import { Action, Mark } from '../goods';
import { Members } from '../Members';
import { useDocumentTitle } from '../use-document-title';
import styles from './pages.module.css';

export default function FavouritesPage() {
  useDocumentTitle('Favourites');
  return <Members>{() => <Favourites />}</Members>;
}

function Favourites() {
  const { data, error, isPending, refetch } = useFavourites();
  return (
    <div className={styles.page}>
      <h1>Favourites</h1>
      {isPending ? (
        <p className={styles.wait}>Getting your favourites…</p>
      ) : !data ? (
        <EmptyState sign="?" title="We could not get your favourites" action={<Button onClick={() => void refetch()}>Try again</Button>}>
          <p>{messageFor(error)}</p>
        </EmptyState>
      ) : data.length === 0 ? (
        <EmptyState sign="♥" title="Nothing marked yet" action={<ButtonLink to="/">Look around</ButtonLink>}>
          <p>Press the heart at a product, and it stands here the next time.</p>
        </EmptyState>
      ) : (
        <Shelf label="Your favourites" products={data} Action={Action} Mark={Mark} hue={hueOf(-1)} eager={8} />
      )}
    </div>
  );
}
