/** The pages of the console about the answers of families. A class and a school have the same ones; only a class has letters. */
export const ANSWER_ROUTES: readonly string[] = [
  ...['GET /console/binding', 'GET /console/binding/report.csv', 'GET /console/binding/classes/:id/letters'],
  ...['/console/binding/classes/:id', '/console/binding/schools/:code'].flatMap((path) => [
    ...[`GET ${path}`, `GET ${path}/report.csv`, `GET ${path}/reminders`, `POST ${path}/reminders`],
  ]),
];

/** The console routes of the settings of schools. */
export const SCHOOL_SETTING_ROUTES: readonly string[] = [
  ...['GET /console/register-check', 'POST /console/register-check', 'GET /console/school-contacts'],
  ...['GET /console/school-contacts/:code', 'POST /console/school-contacts/:code'],
];
