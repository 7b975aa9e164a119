import { usePaymentMethods } from '@/features/checkout/api/reads';

/** Whether the shop only plays that it takes money from cards. */
export function useTestCards(): boolean {
  return usePaymentMethods().data?.some((m) => m.id === 'card' && m.test) ?? false;
}
