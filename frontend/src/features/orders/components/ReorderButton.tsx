import { Button } from '@/components/Button';
import { Icon } from '@/components/Icon';
import { useToast } from '@/components/Toasts';
import { messageFor } from '@/lib/http';
import type { Order, Reordered } from '@/lib/shop-types';
import { useReorder } from '../api/orders';

interface ReorderButtonProps {
  order: Order;
  /** The goods are in the basket that is handed over. */
  onReordered: (answer: Reordered) => void;
}

/** Buys the same again: one press puts everything into the basket. */
export function ReorderButton({ order, onReordered }: ReorderButtonProps) {
  const reorder = useReorder();
  const toast = useToast();
  return (
    <Button
      look="outline"
      busy={reorder.isPending}
      aria-label={`Order again, ${order.number}`}
      onClick={() => reorder.mutate(order.id, { onSuccess: onReordered, onError: (error) => toast(messageFor(error), 'bad') })}
    >
      <Icon name="again" size={18} /> Order again
    </Button>
  );
}
