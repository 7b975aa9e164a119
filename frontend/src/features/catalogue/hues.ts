const HUES = [135, 40, 75, 20, 250, 350, 100, 220, 310, 190, 55];

/** The wall colour of an aisle by its place in the shop; neighbours differ clearly. Without an aisle, the house colour. */
export function hueOf(index: number): number {
  return index < 0 ? 320 : HUES[index % HUES.length]!;
}
