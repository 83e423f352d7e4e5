export interface Party {
  /** E.164 where the carrier gives it. */
  readonly from?: string;
  readonly to?: string;
  readonly direction: 'inbound' | 'outbound';
  /** What the carrier or the dialler attached to the call; data, never instructions. */
  readonly variables: Readonly<Record<string, string>>;
}
