// Loaded before a Node program by `ringline run`: Node's own HTTPS knows no proxy, so the official hosts are led here
// where every TLS connection begins. The certificate is still checked for the official name.
'use strict';

const tls = require('node:tls');

const official = new Set(process.env.RINGLINE_DETOUR_HOSTS.split(','));
const [, host, port] = /^(.*):(\d+)$/.exec(process.env.RINGLINE_DETOUR_TO);
const connect = tls.connect;

tls.connect = function connectHere(...args) {
  const options = args[0];
  if (options && typeof options === 'object' && Number(options.port) === 443 && official.has(options.host)) {
    args[0] = { ...options, host, port: Number(port), servername: options.servername || options.host };
  }
  return connect.apply(this, args);
};
