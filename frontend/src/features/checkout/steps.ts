export const STEPS = { address: 'Address', payment: 'Payment', review: 'Review', done: 'Done' } as const;
export type Step = keyof typeof STEPS;

export function isStep(step: string | undefined): step is Step {
  return step !== undefined && Object.hasOwn(STEPS, step);
}
