import { type Finding, fail, networkReason, ok, warn } from './finding.ts';

/** A server's idea of the time, and when its answer came (milliseconds since the epoch). */
export interface TimeReading {
  readonly from: string;
  /** The `Date` header, which has whole seconds. */
  readonly date: string;
  readonly receivedEpochMs: number;
}

export interface CheckResult {
  readonly findings: readonly Finding[];
  readonly time?: TimeReading;
}

export interface PublicUrlOptions {
  readonly publicUrl: string | undefined;
  readonly port: number;
  readonly carrierConfigured: boolean;
  readonly timeoutMs: number;
  epochMs(): number;
}

/** Asks the gateway for `/healthz` the way a carrier would: from outside, by its public name. */
export async function checkPublicUrl(options: PublicUrlOptions): Promise<CheckResult> {
  const { publicUrl } = options;
  const tunnel = tunnelSteps(options.port);
  if (!publicUrl) {
    const what = 'PUBLIC_URL is not set, no carrier can call in over the internet';
    return { findings: [options.carrierConfigured ? fail(what, tunnel) : ok(what)] };
  }
  try {
    const response = await fetch(`${publicUrl}/healthz`, {
      redirect: 'manual',
      signal: AbortSignal.timeout(options.timeoutMs),
    });
    await response.body?.cancel();
    const date = response.headers.get('date');
    const time = date ? { time: { from: 'PUBLIC_URL', date, receivedEpochMs: options.epochMs() } } : {};
    return { findings: [statusFinding(response.status, publicUrl, options.port)], ...time };
  } catch (error) {
    return { findings: [unreachable(networkReason(error), publicUrl, tunnel)] };
  }
}

function statusFinding(status: number, publicUrl: string, port: number): Finding {
  const what = `${publicUrl}/healthz answers ${status}`;
  if (status === 200) {
    if (publicUrl.startsWith('https://')) return ok(what);
    return warn(
      what,
      'carriers connect only over https, put a tunnel or a proxy with a certificate in front',
    );
  }
  if (status >= 300 && status < 400) return fail(what, 'set PUBLIC_URL to the address that it redirects to');
  if (status === 401 || status === 403) {
    return fail(what, 'something in front of the gateway asks for a login: let carriers pass');
  }
  if (status === 404) return fail(what, 'another server answers there: lead the address to the gateway');
  if (status >= 500) {
    return fail(
      what,
      `the tunnel or proxy is there and the gateway is not: start patchcord serve on port ${port}`,
    );
  }
  return fail(what, 'expected 200: lead the address to the gateway');
}

function unreachable(reason: string, publicUrl: string, tunnel: string): Finding {
  const what = `${publicUrl} cannot be reached (${reason})`;
  if (reason === 'ENOTFOUND' || reason === 'EAI_AGAIN') {
    return fail(what, `the name does not resolve: correct PUBLIC_URL, or ${tunnel}`);
  }
  if (/CERT|TLS|SSL|UNABLE_TO_VERIFY/.test(reason))
    return fail(what, 'carriers need a certificate that everybody trusts');
  return fail(what, tunnel);
}

function tunnelSteps(port: number): string {
  return `start patchcord serve, open a tunnel to http://127.0.0.1:${port} (cloudflared tunnel --url http://127.0.0.1:${port}, or ngrok http ${port}), set PUBLIC_URL to the https address it prints, start again`;
}
