import type { Plugin } from 'vite';
export const CATALOGUE: string;
export const SET: string;
export function parseCSV(text: string): string[][];
export function picturesOf(csv: string, set?: string): string[];
export function pictures(): Plugin;
