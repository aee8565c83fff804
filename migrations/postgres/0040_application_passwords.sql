CREATE TABLE "application_passwords" (
	"id" text PRIMARY KEY NOT NULL,
	"person_id" text NOT NULL,
	"client_id" text NOT NULL,
	"name" text NOT NULL,
	"secret_hash" text NOT NULL,
	"created_at" bigint NOT NULL,
	"last_used_at" bigint
);
--> statement-breakpoint
ALTER TABLE "application_passwords" ADD CONSTRAINT "application_passwords_person_id_persons_id_fk" FOREIGN KEY ("person_id") REFERENCES "public"."persons"("id") ON DELETE cascade ON UPDATE no action;--> statement-breakpoint
CREATE INDEX "application_passwords_person_idx" ON "application_passwords" USING btree ("person_id");--> statement-breakpoint
CREATE UNIQUE INDEX "application_passwords_secret_key" ON "application_passwords" USING btree ("secret_hash");