// Does what it is told with the official Node library: a JSON array [name, arguments] a line in, an answer a line out.
// Everything the library is asked for is written as its own documentation writes it.
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { join } from 'node:path';
import { writeFileSync } from 'node:fs';

const require = createRequire(join(process.env.CLIENT_MODULES, 'x.js'));
const { Vonage } = require('@vonage/server-sdk');
const { verifySignature } = require('@vonage/jwt');

let vonage;
const commands = {
  connect: ({ application, key, apiKey, apiSecret, host }) => {
    const credentials = { applicationId: application, privateKey: key, apiKey, apiSecret };
    vonage = host
      ? new Vonage(credentials, { apiHost: `https://${host}`, restHost: `https://${host}` })
      : new Vonage(credentials);
  },
  create: (call) => vonage.voice.createOutboundCall(call),
  get: (uuid) => vonage.voice.getCall(uuid),
  list: async (filter) => {
    const found = [];
    for await (const call of vonage.voice.getAllCalls(filter)) found.push(call);
    return found;
  },
  page: (filter) => vonage.voice.getCallsPage(filter),
  hangup: (uuid) => vonage.voice.hangupCall(uuid),
  mute: (uuid) => vonage.voice.muteCall(uuid),
  unmute: (uuid) => vonage.voice.unmuteCall(uuid),
  earmuff: (uuid) => vonage.voice.earmuffCall(uuid),
  unearmuff: (uuid) => vonage.voice.unearmuffCall(uuid),
  transferNcco: (uuid, ncco) => vonage.voice.transferCallWithNCCO(uuid, ncco),
  transferUrl: (uuid, url) => vonage.voice.transferCallWithURL(uuid, url),
  stream: (uuid, url, loop, level) => vonage.voice.streamAudio(uuid, url, loop, level),
  stopStream: (uuid) => vonage.voice.stopStreamAudio(uuid),
  talk: (uuid, options) => vonage.voice.playTTS(uuid, options),
  stopTalk: (uuid) => vonage.voice.stopTTS(uuid),
  dtmf: (uuid, digits) => vonage.voice.playDTMF(uuid, digits),
  listen: (uuid, url) => vonage.voice.subscribeDTMF(uuid, url),
  stopListening: (uuid) => vonage.voice.unsubscribeDTMF(uuid),
  download: (url, path) => vonage.voice.downloadRecording(url, path),
  downloadById: (id, path) => vonage.voice.downloadRecording(id, path),
  transcription: (id, path) => vonage.voice.downloadTranscription(id, path),
  verify: (token, secret) => verifySignature(token, secret),
  makeApplication: (wish) => vonage.applications.createApplication(wish),
  application: (id) => vonage.applications.getApplication(id),
  changeApplication: (application) => vonage.applications.updateApplication(application),
  applications: async () => {
    const found = [];
    for await (const one of vonage.applications.listAllApplications({ pageSize: 1 })) found.push(one);
    return found;
  },
  deleteApplication: (id) => vonage.applications.deleteApplication(id),
  numbers: (filter) => vonage.numbers.getOwnedNumbers(filter),
  updateNumber: (update) => vonage.numbers.updateNumber(update),
  balance: () => vonage.accounts.getBalance(),
  invoke: (service, method, ...given) => vonage[service][method](...given),
  collect: async (service, method, ...given) => {
    const found = [];
    for await (const one of vonage[service][method](...given)) found.push(one);
    return found;
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const [name, given] = JSON.parse(line);
  let answer;
  try {
    answer = { value: (await commands[name](...given)) ?? null };
  } catch (error) {
    answer = { error: error.constructor.name, status: error.response?.status ?? null, message: String(error.message) };
  }
  process.stdout.write(JSON.stringify(answer) + '\n');
}
