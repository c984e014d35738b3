// Reads the first row of a sheet and adds one below its table, with Google's own client. The argument
// is the API's address. Each line of input is {"token", "spreadsheet", "sheet", "row"}; it is answered
// by {"columns", "added"}, the first row and the range of the new one, or by {"error"}.
const { sheets, auth } = require('@googleapis/sheets');
const { createInterface } = require('node:readline');

const say = (value) => process.stdout.write(`${JSON.stringify(value)}\n`);
const rootUrl = `${process.argv[2]}/`;

createInterface({ input: process.stdin }).on('line', async (line) => {
  const { token, spreadsheet, sheet, row } = JSON.parse(line);
  const account = new auth.OAuth2();
  account.setCredentials({ access_token: token });
  const { values } = sheets({ version: 'v4', auth: account, rootUrl }).spreadsheets;
  const named = `'${sheet.replaceAll("'", "''")}'`;
  try {
    const first = await values.get({ spreadsheetId: spreadsheet, range: `${named}!1:1` });
    const added = await values.append({
      spreadsheetId: spreadsheet,
      range: `${named}!A1`,
      valueInputOption: 'RAW',
      insertDataOption: 'INSERT_ROWS',
      requestBody: { majorDimension: 'ROWS', values: [row] },
    });
    say({ columns: first.data.values[0], added: added.data.updates.updatedRange });
  } catch (error) {
    say({ error: error.message });
  }
});

say({ ready: true });
