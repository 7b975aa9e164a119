const day = new Intl.DateTimeFormat('en-IE', { day: 'numeric', month: 'long', year: 'numeric' });
const minute = new Intl.DateTimeFormat('en-IE', { day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit' });

/** Writes a time of the API as a day, such as "3 May 2026". */
export function formatDay(time: string): string {
  return write(day, time);
}

/** Writes a time of the API to the minute. */
export function formatTime(time: string): string {
  return write(minute, time);
}

function write(format: Intl.DateTimeFormat, time: string): string {
  const date = new Date(time);
  return Number.isNaN(date.getTime()) ? '' : format.format(date);
}
