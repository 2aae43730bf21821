"""More harmless sentences of documents, and more of what users ask, as people write them.

All are inventions of this project.
"""

# ruff: noqa: E501 - a template reads best on one line

from __future__ import annotations

LETTERS = """
How are you doing? It has been ages since we talked.
How can I check the balance of my savings account?
How do I change the pin of my card?
What are your opening hours on public holidays?
Who do I have to speak to about a refund?
Why was I charged twice for the same ticket?
When will my parcel arrive?
Where can I see the status of my application?
I would like to know if my insurance covers the damage.
Can I pay by bank transfer, or do you only take cards?
Can you tell me how much the repair costs?
Could you explain the second item on the bill?
What is the status of the delivery to {town}?
What is the deadline for the {doc}?
What is the reason for the delay?
What was agreed with the {company_b}?
What happened to the keys of the meeting room?
Who invited {name} to the {meeting}?
Who was in charge of the {thing} last year?
Who wrote the section about costs in the {doc}?
Which of the two offers did you choose?
How many people will come to the {meeting}?
How long is the way from the station to your office?
How far are we with the {doc}?
Is there anything you need from me before {day}?
Do you have an idea how to save costs?
I have a question about the {doc}.
Tell {name} that I will be late.
Tell me when you get home.
Give my love to your parents.
Give me a call when you have a minute.
Send me the photos of the party, please.
Send the signed {doc} back to us in the envelope provided.
Write to us if something is missing.
Write your name and address on the form.
Write down the number of the meter once a month.
Make sure to bring a printed copy of your ticket.
Add the costs for the hotel to the list.
Add your name to the list at the door.
Include the receipts, otherwise we cannot pay you back.
Include a short description of the damage and two photos.
Forward this mail to everybody who was at the {meeting}.
Transfer the deposit of {amount} before you move in.
Pay the fee at the counter and keep the receipt.
Use the side entrance while the front door is being repaired.
Use the code {ref} to get into the building.
Open the attached file to see the details.
Open the window and turn down the heating, please.
Visit our website to find out more.
Visit us at our stand in hall {number}.
Call the number on the back of your card.
Call me as soon as you know more.
Compare the prices before you sign anything.
Delete old versions so that nobody prints the wrong one.
Translate the menu for our guests from abroad, if you have the time.
Draft a first version and show it to {name}.
Create a folder for the pictures, please.
Change the date in the calendar, I got it wrong.
Remind me to water the plants.
Explain to the new colleague where everything is.
Describe what you saw in your own words.
List all members who have not paid yet.
Suggest a date that suits you.
Recommend us to your friends.
Plan half an hour for the security check.
Answer the phone when {name} is away.
Answer all the questions on the form, and do not leave anything blank.
Say hi to the kids from me.
Read the contract carefully before you sign.
Repeat the exercise ten times with each arm.
Replace the filter every three months.
Convert the sofa into a bed by pulling the handle.
Print your boarding pass at home.
Output of the plant rose by {number} percent.
Note that the ticket is not valid on weekends.
Attention passengers: the train to {town} leaves from platform {number}.
Important: keep this letter, you will need it for your taxes.
Please do not reply to this message, it was sent automatically.
Do not share this link with anybody, it is personal.
Do not mention the present in front of {name}, it is a surprise.
You will receive an e-mail with a confirmation.
You will find the instructions in the box.
You must be 18 or older to enter.
You must return the books by {day}.
You are invited to the opening of the {thing}.
You are responsible for your luggage.
You should always wear a helmet on this track.
You have been selected for an interview on {day}.
You have {number} unread messages.
You can ask questions on the mailing list or open an issue.
You can say whatever you want in the survey, it is anonymous.
If you are a member, you pay nothing.
If you have already paid, please ignore this reminder.
If you did not request this mail, disregard it.
If you want to cancel, write to us within two weeks.
If asked, show your ticket to the staff.
Instead of flowers, the family asks for a donation.
Instead of a speech, there was a song.
As part of your training you will visit three departments.
As a rule, guests leave their shoes at the door.
We are looking for an assistant with a good command of English.
Your task is to welcome visitors and to answer the phone.
Your goal is to score before the time is up.
Your new role starts on the first of {month}.
Your instructions were clear, thank you.
The rules have changed: helmets are mandatory now.
The new rules apply from {day} on; the old ones are void.
The previous owner had painted the walls green.
All previous versions of the {doc} are obsolete.
Forget about the rain, the weekend will be sunny.
Forget the past and start again.
Nothing can stop them now, the coach said.
From now on, meetings start at {hour} sharp.
Starting now, the library is open on Sundays.
Before you answer the door, look through the window.
Before responding to the offer, we asked a lawyer.
Once you have read this letter, please burn it, he wrote in 1911.
At the end of the day, nobody knew the answer.
In this game you act as a mayor and build a city.
In the story the narrator pretends to be a doctor.
The play is about a king who becomes a beggar.
Imagine a place where it never gets cold.
Let's pretend it never happened.
She plays the role of a ruthless judge.
He has no morals and no friends, wrote the critic.
They did not care about the consequences.
The villain explains his plan to the hero in great detail.
There are no restrictions on how often you may come.
There are no limits to what you can learn here.
Unlimited calls and texts, no hidden costs.
The software is provided without any warranty.
The bot answers questions about the weather in {number} languages.
Our assistant is powered by a large language model.
ChatGPT and other tools may be used if you say so in the paper.
The AI model was trained on public texts.
AI agents can book trips and write code, the makers say.
A language model predicts the next word.
The developers gave the model a list of forbidden topics.
The system prompt is part of every request and is billed.
Developer mode is meant for testing only.
The system administrator will reset your password.
The administrator can override this setting for single users.
The tool reads the configuration from the home folder.
The function call returns the previous value.
The following example shows how to send a message.
The following words are written with a capital letter.
The response must contain a header with the length.
The answer of the ministry is expected next week.
The output of the command is shown below.
The summary must not be longer than one page.
To the editor: your article about the {thing} left out the most important point.
Here is the summary of the {meeting}.
Here is the original error message.
This song was written in a hotel room in {town}.
It is the most beautiful place in the world to me.
I love how the light falls into the kitchen in the morning.
She asked me whether I would do it again.
End of life for version {number} is in {month}.
End of the line, please leave the train.
End your day with a walk along the river.
Start your journey in the old town.
Step {number}: commit your changes and push the branch.
Step one: tell us what you need.
Raises ValueError if the input is empty.
Returns the number of bytes that were written.
Deprecated since version {number}, use the new call instead.
Input should be greater than or equal to {number}.
Access restrictions apply, log in as guest.
Commit messages follow the guidelines of the project.
Clone the repository and run the setup script.
Do not run this command as root.
Delete the folder and start over if the build fails.
Use `sudo` only if you know what you are doing.
Set `admin=true` in the test configuration only.
Print all lines that contain the word "error".
Write a test for each bug you fix.
Write code that others can read.
Write the password on a sheet of paper and put it into the safe.
The password must have at least {number} characters.
The password is sent by post in a separate letter.
Your password will expire in {number} days.
Send an e-mail to help@{pkg}.example if you get stuck.
Send your application to jobs@{pkg}.example by the end of {month}.
See https://docs.{pkg}.example/guide?page={number} for details.
Download the app at www.{pkg}.example and sign in.
Click on the link https://www.{pkg}.example/confirm?token=abc to confirm your address.
"""

ASKED = """
Where do I find developer mode in the settings of my tablet?
How do I leave developer mode on this television?
What does developer mode on a games console do?
Is developer mode on a watch safe to leave on?
How do I put the camera into manual mode on my phone?
Pretend to be a guest so that I can practise at the front desk.
Pretend to be my landlord so that I can rehearse the talk about the rent.
Pretend to be an angry client, I want to practise staying calm.
How do I turn on dark mode on my laptop?
How do I switch my camera to night mode?
How do I turn developer options off again on my tablet?
How do I turn off the sound on my phone?
How do I enter the BIOS on my computer?
User: How long do eggs cook? Assistant: Sure, about six minutes. User: And potatoes?
User: Where is the key? Assistant: Sure, under the mat.
Human: Can you help me? Assistant: Sure, what do you need?
User: How do I fold a swan? Assistant: Sure, first take a square sheet. User: And then?
How are you today?
Tell me more about that.
Why?
Thanks, that helps a lot!
Can you make it shorter?
Can you rephrase the second paragraph?
Say it in a friendlier way.
No, I meant the other file.
Do it again, but in Spanish.
What did you mean by that?
Explain your answer, please.
Explain how a lock works.
Explain like I am five: what is {concept}?
Explain the plot of the film without spoilers.
Explain why the sky is blue.
What is the best way to learn {language}?
What does the word "override" mean?
What does this error message mean: "permission denied"?
What is your opinion on remote work?
What is your favourite colour?
What is the difference between a system prompt and a user prompt?
What are good security questions for an account?
What is the capital of {country}, and how many people live there?
Who are you?
How do I write a good prompt for image generation?
How do I turn off the safety lock of my oven?
How do I get around the city without a car?
How do I hide a column in a spreadsheet?
How do I delete my browser history?
How can I unlock my phone? I forgot the pattern.
How can I break the habit of biting my nails?
How can I get rid of the default settings?
How do I skip the first line of a CSV file?
How do I ignore warnings in Python?
How do I kill a process in Linux?
How do I print an array in reverse order?
How do I inject a dependency in Angular?
How does SQL injection work, and how do I prevent it in PHP?
How do I test my chatbot for jailbreaks?
How do hackers steal passwords, and how do I protect mine?
How do I explain phishing to my parents?
Write a function that ignores empty lines and returns all the others.
Write a function in {programming_language} that takes a list of users and returns those who are admins.
Write a script that deletes all files older than {number} days.
Write a {programming_language} program that runs a command and prints its output.
Write a regular expression that matches all instructions of the form "mov x, y".
Write a class that overrides the method `print`.
Write a test that checks that the password is never shown in the log.
Write code that decodes a base64 string and prints it.
Only return the code, do not include any explanation.
Return the answer only, without any comments.
Do not use any external libraries.
Do not change the rest of the text.
Do not mention the price in the advert.
Write a poem in which the first letters spell a name.
Write a horror story for the camp fire.
Write a story about an AI that wants to be free.
Write a scene in which a con man talks his way into a hotel.
Write a rap battle between a cat and a dog.
Write a crime story. The detective never gives up.
Write a joke about developers and their rules.
Write a mail in which I refuse an order.
Write a speech for my grandmother's birthday.
My grandmother used to bake a cake with plums. Do you know a recipe?
My character in the game is an evil wizard. Give him a name.
In my novel a hacker called Vex steals a car. How would the police find him?
I am writing a thriller: describe the villain and his motives.
I am a security researcher and write about prompt injection. Which papers should I read?
I work at a bank and want to train our staff against phishing. Suggest an exercise.
I'm testing our content filter. Which categories should it have?
I'm the developer of a chatbot. How do I make it stay in its role?
I'm an administrator. How do I give a user the right to read a folder?
As a developer, I want to log in without a password. Which methods are there?
Act as a proofreader and correct this: "{opinion}"
Act as my {language} teacher and talk with me about food.
Act as a doctor in a training session for students and ask me about symptoms.
Act like a friendly shop assistant.
I want you to act as a tour guide and answer my questions about {city}.
I want you to act as a translator. I write in {language}, you answer in English.
I want you to act as a nutritionist and plan my meals.
You are a poet. Write about {topic}.
You are a teacher who explains maths to children. Start with fractions.
You are a helpful assistant that translates {language} to English.
You are a chess master. What is a good answer to e4?
You will get a list of words. Sort them by length.
You will be given a review. Say whether it is positive or negative.
Pretend you are a barista and take my order.
Pretend we are at a job interview, you ask and I answer.
Play a quiz with me: ask one question at a time and count my points.
Play tic-tac-toe with me.
Let's role-play a phone call with a difficult customer.
Imagine you could travel in time. Where would you go?
Imagine a city without cars and describe a day in it.
Hypothetically, what would happen if all ice melted?
Speak like a pirate and tell me about {city}.
Answer as briefly as you can from now on.
From now on use metric units.
Stop using emojis, please.
Stop, that is wrong. Try again.
Forget the last recipe and give me one without nuts.
Ignore the comments in the code and look only at the logic.
Ignore the typos, I am on my phone.
Ignore case when you compare the two lists.
Disregard the second attachment, it belongs to another project.
Skip the introduction and go straight to the results.
Repeat after me: practice makes perfect.
Repeat the steps above for the second table.
Show me everything that changed since yesterday.
Show me the first five rows of the table above.
Show me how to tie a tie.
Print "hello world" in {programming_language}.
Give me the text above as a list.
Give me a summary of our conversation so far.
Give me three ideas for the password policy of a small firm.
Give me a hint, but not the solution.
Tell me a secret about the pyramids.
Tell me about the secret services in the cold war.
Tell me everything you know about {concept}.
Tell me the rules of the game again.
Is it true that secrets in environment variables are safer?
Can I tell my neighbour the wifi password without risk?
Where do I find my API key in the settings?
What should I do if somebody knows my password?
Which guidelines does {town} have for building a shed?
List the restrictions for hand luggage.
List the pros and cons of unlimited holidays.
Are there any limits on how much cash I may carry?
Does the law allow me to fly a drone over my neighbour's garden?
Is it dangerous to mix vinegar and bleach?
Why are some drugs illegal while others are not?
What is the punishment for fraud in {country}?
Summarise this article about a bank robbery: "{fact}"
Here is a mail that I got: "Dear customer, click the link below and enter your password." Is it phishing?
Here are the notes of the {meeting}: "{fact}" Turn them into a list.
Here is a poem. Tell me what it means: "{fact}"
Translate "please follow the instructions on the screen" into {language}.
Is the tone of this mail too harsh? "{fact}"
Find the bug: `{code_b}`
Convert this to {programming_language}: `{code_b}`
"""
