// A message centre on the npm package `smpp`. Prints what happens as JSON lines.
// What becomes of a message is decided by the last digit of its number:
//   9 refused (invalid destination)   8 throttled once, then delivered
//   7 undelivered (unknown subscriber) 5 delivered, and the person answers
//   others delivered
// Ends when its standard input is closed.
'use strict';
const smpp = require('smpp');

const PASSWORD = 'secret';
const RECEIPT_DELAY_MS = 30;
const throttled = new Set();
let lastId = 1000;

const say = (event) => process.stdout.write(JSON.stringify(event) + '\n');

function answer(session, pdu) {
  const number = pdu.destination_addr;
  const digit = number.slice(-1);
  if (digit === '9') return session.send(pdu.response({ command_status: smpp.ESME_RINVDSTADR }));
  if (digit === '8' && !throttled.has(number)) {
    throttled.add(number);
    return session.send(pdu.response({ command_status: smpp.ESME_RTHROTTLED }));
  }
  lastId += 1;
  const id = lastId.toString(16).toUpperCase();
  const message = pdu.short_message;
  say({
    event: 'submit', id, to: number, from: pdu.source_addr, text: message.message,
    udh: (message.udh || []).map((element) => element.toString('hex')),
    esm_class: pdu.esm_class, data_coding: pdu.data_coding,
    registered_delivery: pdu.registered_delivery,
    payload: pdu.message_payload ? pdu.message_payload.message : null,
    sar: pdu.sar_total_segments ? [pdu.sar_msg_ref_num, pdu.sar_total_segments, pdu.sar_segment_seqnum] : null,
  });
  session.send(pdu.response({ message_id: id }));
  setTimeout(() => follow(session, pdu, lastId, digit), RECEIPT_DELAY_MS);
}

function follow(session, pdu, id, digit) {
  const failed = digit === '7';
  const back = {
    source_addr_ton: 1, source_addr_npi: 1, source_addr: pdu.destination_addr,
    destination_addr: pdu.source_addr,
  };
  const stat = failed ? 'stat:UNDELIV err:001' : 'stat:DELIVRD err:000';
  const text = `id:${String(id).padStart(10, '0')} sub:001 dlvrd:00${failed ? 0 : 1} ` +
    `submit date:2601020304 done date:2601020305 ${stat} text:`;
  deliver(session, { ...back, esm_class: 4, short_message: text });
  if (digit === '5') deliver(session, { ...back, short_message: 'Ja, danke 😀' });
}

function deliver(session, fields) {
  session.deliver_sm(fields, (response) => {
    say({ event: 'acknowledged', command_status: response.command_status });
  });
}

const server = smpp.createServer({}, (session) => {
  session.on('error', () => {});
  const bind = (pdu) => {
    const isKnown = pdu.password === PASSWORD;
    say({ event: 'bind', system_id: pdu.system_id, accepted: isKnown });
    const status = isKnown ? 0 : smpp.ESME_RINVPASWD;
    session.send(pdu.response({ command_status: status, system_id: 'npm' }));
  };
  session.on('bind_transceiver', bind);
  session.on('submit_sm', (pdu) => answer(session, pdu));
  session.on('enquire_link', (pdu) => session.send(pdu.response()));
  session.on('unbind', (pdu) => {
    say({ event: 'unbind' });
    session.send(pdu.response(), () => {}, () => session.close());
  });
});
server.listen(0, '127.0.0.1', () => say({ event: 'listening', port: server.address().port }));
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
