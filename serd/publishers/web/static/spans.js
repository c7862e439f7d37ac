// The times that the timeline shows: an hour, a day or a week, which begin and end as the clock on the wall does.

export const ZOOMS = {
  hour: { span_s: 3600, part_s: 60, column_s: 300, shares: "shares_minutes" },
  day: { days: 1, part_s: 300, column_s: 3600, shares: "shares_hour" },
  week: { days: 7, part_s: 3600, column_days: 1, shares: "shares_day" },
};

// Start and end, in milliseconds, of what is shown up to a time. A day begins at midnight and a week with a
// midnight, so that the parts are hours of the day.
export function spanUntil(zoom, end) {
  const { span_s, part_s, days } = ZOOMS[zoom];
  if (!days) {
    const until = Math.ceil(end / (part_s * 1000)) * part_s * 1000;
    return { since: until - span_s * 1000, until };
  }
  const midnight = new Date(end - 1);
  midnight.setHours(24, 0, 0, 0);
  return { since: moved(midnight, -days), until: midnight.getTime() };
}

// The end of the span before or after that of a time.
export function endBeside(zoom, end, direction) {
  const { until } = spanUntil(zoom, end);
  const { span_s, days } = ZOOMS[zoom];
  return days ? moved(new Date(until), direction * days) : until + direction * span_s * 1000;
}

// Where the columns of a span begin, in milliseconds.
export function columnStarts(zoom, since, until) {
  const { column_s, column_days } = ZOOMS[zoom];
  const starts = [];
  let start = since;
  while (start < until) {
    starts.push(start);
    start = column_days ? moved(new Date(start), column_days) : start + column_s * 1000;
  }
  return starts;
}

// A time some days later; days have 23 or 25 hours when the clock changes.
function moved(moment, days) {
  const other = new Date(moment);
  other.setDate(other.getDate() + days);
  return other.getTime();
}
