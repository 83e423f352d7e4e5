/** Headers that proxies, tunnels and content networks add: with one of them, the peer is not who is asking. */
const forwardingHeaders: ReadonlySet<string> = new Set([
  'forwarded',
  'via',
  'x-real-ip',
  'x-client-ip',
  'x-cluster-client-ip',
  'x-proxyuser-ip',
  'x-remote-ip',
  'x-remote-addr',
  'x-originating-ip',
  'x-host',
  'x-scheme',
  'x-url-scheme',
  'front-end-https',
  'true-client-ip',
  'client-ip',
  'fastly-client-ip',
  'cdn-loop',
  'x-cloud-trace-context',
  'x-amzn-trace-id',
  'proxy-connection',
]);

const forwardingPrefixes: readonly string[] = [
  'x-forwarded',
  'x-original-',
  'x-real-',
  'x-envoy-',
  'x-appengine-',
  'x-amz-cf-',
  'x-azure-',
  'x-arr-',
  'x-fd-',
  'x-vercel-',
  'x-tunnel-',
  'x-devtunnel-',
  'cf-',
  'cloudfront-',
  'fly-',
  'akamai-',
  'ngrok-',
  'x-ngrok-',
  'tailscale-',
  'x-tailscale-',
];

/** Whether something between the sender and us says that it passed the request on. `headers`: names in lower case. */
export function wasForwarded(headers: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(headers).some(
    (name) => forwardingHeaders.has(name) || forwardingPrefixes.some((prefix) => name.startsWith(prefix)),
  );
}
